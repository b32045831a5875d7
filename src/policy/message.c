#include "policy/message.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "flow/protocol.h"

static const char DEFAULT_MESSAGE[] = "{client} ({client_zone}) to {server} ({server_zone}) over {service}";

struct placeholder {
	struct weir_placeholder shown;
	int (*write)(const struct weir_policy_rule *rule, const struct weir_policy_hit *hit, enum weir_column_id src,
		     enum weir_column_id dst, struct weir_buffer *out);
	enum weir_column_id src; /* the column of the source, and of the destination, where the placeholder is of a side */
	enum weir_column_id dst;
};

static int write_client(const struct weir_policy_rule *rule, const struct weir_policy_hit *hit, enum weir_column_id src,
			enum weir_column_id dst, struct weir_buffer *out)
{
	char text[WEIR_ADDR_TEXT_MAX];

	(void)rule, (void)src, (void)dst;
	return weir_buffer_append(out, text, weir_addr_text(hit->client, text));
}

static int write_server(const struct weir_policy_rule *rule, const struct weir_policy_hit *hit, enum weir_column_id src,
			enum weir_column_id dst, struct weir_buffer *out)
{
	char text[WEIR_ADDR_TEXT_MAX];

	(void)rule, (void)src, (void)dst;
	return weir_buffer_append(out, text, weir_addr_text(hit->server, text));
}

static int write_name(const struct weir_policy_hit *hit, enum weir_column_id column, const char *otherwise, struct weir_buffer *out)
{
	struct weir_word word = weir_block_name(hit->block, column, hit->row);

	return weir_buffer_text(out, word.len ? word.text : otherwise);
}

/* What enrichment knows of the client's side; without a zone an address is outside. */
static int write_client_name(const struct weir_policy_rule *rule, const struct weir_policy_hit *hit, enum weir_column_id src,
			     enum weir_column_id dst, struct weir_buffer *out)
{
	(void)rule;
	return write_name(hit, hit->swapped ? dst : src, src == WEIR_COL_SRC_ZONE ? "outside" : "unknown", out);
}

static int write_server_name(const struct weir_policy_rule *rule, const struct weir_policy_hit *hit, enum weir_column_id src,
			     enum weir_column_id dst, struct weir_buffer *out)
{
	(void)rule;
	return write_name(hit, hit->swapped ? src : dst, src == WEIR_COL_SRC_ZONE ? "outside" : "unknown", out);
}

static uint16_t port_of(const struct weir_policy_hit *hit)
{
	uint16_t port = weir_block_u16(hit->block, WEIR_COL_SERVICE_PORT)[hit->row];

	return port ? port : weir_block_u16(hit->block, hit->swapped ? WEIR_COL_SRC_PORT : WEIR_COL_DST_PORT)[hit->row];
}

static int write_proto(const struct weir_policy_rule *rule, const struct weir_policy_hit *hit, enum weir_column_id src,
		       enum weir_column_id dst, struct weir_buffer *out)
{
	uint8_t proto = weir_block_u8(hit->block, WEIR_COL_PROTO)[hit->row];
	const char *name = weir_protocol_name(proto);

	(void)rule, (void)src, (void)dst;
	return name ? weir_buffer_text(out, name) : weir_buffer_printf(out, "protocol %u", proto);
}

int weir_message_service(const struct weir_policy_hit *hit, struct weir_buffer *out)
{
	struct weir_word name = weir_block_name(hit->block, WEIR_COL_SERVICE, hit->row);
	uint16_t port = port_of(hit);
	int rc;

	if (name.len)
		return weir_buffer_append(out, name.text, name.len);
	rc = write_proto(NULL, hit, WEIR_COLUMN_NONE, WEIR_COLUMN_NONE, out);
	return rc || !port ? rc : weir_buffer_printf(out, "/%u", port);
}

static int write_service(const struct weir_policy_rule *rule, const struct weir_policy_hit *hit, enum weir_column_id src,
			 enum weir_column_id dst, struct weir_buffer *out)
{
	(void)rule, (void)src, (void)dst;
	return weir_message_service(hit, out);
}

static int write_port(const struct weir_policy_rule *rule, const struct weir_policy_hit *hit, enum weir_column_id src,
		      enum weir_column_id dst, struct weir_buffer *out)
{
	(void)rule, (void)src, (void)dst;
	return weir_buffer_printf(out, "%u", port_of(hit));
}

static int write_rule(const struct weir_policy_rule *rule, const struct weir_policy_hit *hit, enum weir_column_id src,
		      enum weir_column_id dst, struct weir_buffer *out)
{
	(void)hit, (void)src, (void)dst;
	return weir_buffer_text(out, rule->name);
}

static int write_number(const struct weir_policy_rule *rule, const struct weir_policy_hit *hit, enum weir_column_id src,
			enum weir_column_id dst, struct weir_buffer *out)
{
	(void)rule, (void)dst;
	return weir_buffer_printf(out, "%" PRIu64, weir_block_u64(hit->block, src)[hit->row]);
}

static int write_exporter(const struct weir_policy_rule *rule, const struct weir_policy_hit *hit, enum weir_column_id src,
			  enum weir_column_id dst, struct weir_buffer *out)
{
	struct weir_word name = weir_block_name(hit->block, WEIR_COL_EXPORTER_NAME, hit->row);
	char text[WEIR_ADDR_TEXT_MAX];

	(void)rule, (void)src, (void)dst;
	if (name.len)
		return weir_buffer_append(out, name.text, name.len);
	return weir_buffer_append(out, text, weir_addr_text(&weir_block_addr(hit->block, WEIR_COL_EXPORTER_ADDR)[hit->row], text));
}

#define NONE WEIR_COLUMN_NONE

static const struct placeholder PLACEHOLDERS[] = {
	{{"client", "address that opened the connection"}, write_client, NONE, NONE},
	{{"server", "address that was asked"}, write_server, NONE, NONE},
	{{"client_zone", "zone of the client; \"outside\" where it has none"}, write_client_name, WEIR_COL_SRC_ZONE, WEIR_COL_DST_ZONE},
	{{"server_zone", "zone of the server"}, write_server_name, WEIR_COL_SRC_ZONE, WEIR_COL_DST_ZONE},
	{{"client_subnet", "network of the client"}, write_client_name, WEIR_COL_SRC_SUBNET, WEIR_COL_DST_SUBNET},
	{{"server_subnet", "network of the server"}, write_server_name, WEIR_COL_SRC_SUBNET, WEIR_COL_DST_SUBNET},
	{{"client_country", "country of the client"}, write_client_name, WEIR_COL_SRC_COUNTRY, WEIR_COL_DST_COUNTRY},
	{{"server_country", "country of the server"}, write_server_name, WEIR_COL_SRC_COUNTRY, WEIR_COL_DST_COUNTRY},
	{{"client_threat", "threat list that names the client"}, write_client_name, WEIR_COL_SRC_THREAT, WEIR_COL_DST_THREAT},
	{{"server_threat", "threat list that names the server"}, write_server_name, WEIR_COL_SRC_THREAT, WEIR_COL_DST_THREAT},
	{{"service", "service, or protocol and port"}, write_service, NONE, NONE},
	{{"port", "the server's port"}, write_port, NONE, NONE},
	{{"proto", "protocol"}, write_proto, NONE, NONE},
	{{"bytes", "bytes of the first flow, as exported"}, write_number, WEIR_COL_BYTES, NONE},
	{{"packets", "packets of the first flow, as exported"}, write_number, WEIR_COL_PACKETS, NONE},
	{{"exporter", "name or address of who told it"}, write_exporter, NONE, NONE},
	{{"rule", "name of the rule"}, write_rule, NONE, NONE},
};

#define PLACEHOLDERS_N (sizeof(PLACEHOLDERS) / sizeof(PLACEHOLDERS[0]))

const struct weir_placeholder *weir_placeholder_at(unsigned index)
{
	return index < PLACEHOLDERS_N ? &PLACEHOLDERS[index].shown : NULL;
}

/* The placeholder that begins at "{"; *ret_len is its length with both braces, and what there is of it where it is none. */
static const struct placeholder *find(const char *at, size_t *ret_len)
{
	size_t len = strcspn(at + 1, "{}");

	*ret_len = len + 1 + (at[len + 1] == '}');
	for (size_t i = 0; at[len + 1] == '}' && i < PLACEHOLDERS_N; i++) {
		if (strlen(PLACEHOLDERS[i].shown.name) == len && memcmp(PLACEHOLDERS[i].shown.name, at + 1, len) == 0)
			return &PLACEHOLDERS[i];
	}
	return NULL;
}

int weir_message_check(const char *message, char *ret_bad, size_t size)
{
	while ((message = strchr(message, '{'))) {
		size_t len;

		if (!find(message, &len)) {
			(void)snprintf(ret_bad, size, "%.*s", (int)len, message);
			return -EINVAL;
		}
		message += len;
	}
	return 0;
}

int weir_message_write(const struct weir_policy_rule *rule, const struct weir_policy_hit *hit, struct weir_buffer *out)
{
	const char *at = *rule->message ? rule->message : DEFAULT_MESSAGE;
	int rc = 0;

	while (*at && !rc) {
		size_t len = strcspn(at, "{");
		const struct placeholder *p;

		rc = weir_buffer_append(out, at, len);
		at += len;
		if (!*at || rc)
			break;
		p = find(at, &len);
		rc = p ? p->write(rule, hit, p->src, p->dst, out) : weir_buffer_append(out, at, len);
		at += len;
	}
	return rc;
}
