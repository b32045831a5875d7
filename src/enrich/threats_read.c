/* The forms of threat lists. */
#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/csv.h"
#include "enrich/threats_parts.h"

#define JSON_MAX_BYTES (64U << 20)
#define DEPTH_MAX      64 /* of what is looked for in JSON */

int64_t weir_threat_time(const char *text)
{
	static const char *const forms[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d"};
	char *end;
	long long number;

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm tm = {0};

		if (strptime(text, forms[i], &tm))
			return (int64_t)timegm(&tm);
	}
	number = strtoll(text, &end, 10);
	return *text && !*end && number > 0 ? number : 0;
}

/* --- text ------------------------------------------------------------------------------------------------- */

enum column { ADDRESS, PORT, NAME, CONFIDENCE, EXPIRES, COLUMNS };

/* What lists call them, in order of preference. */
static const char *const CALLED[COLUMNS][16] = {
	[ADDRESS] = {"dst_ip", "ip", "ip_address", "ipaddress", "address", "addr", "ioc_value", "ioc", "indicator", "value", "src_ip",
		     "cidr", "network", "prefix"},
	[PORT] = {"dst_port", "port"},
	[NAME] = {"malware", "malware_printable", "threat", "name", "tag", "tags", "description", "comment", "category"},
	[CONFIDENCE] = {"confidence", "confidence_level", "score"},
	[EXPIRES] = {"expires", "valid_until", "expiration", "expiry", "expire_date"},
};

static bool find_columns(const struct weir_csv *csv, int *ret_column)
{
	for (unsigned i = 0; i < COLUMNS; i++) {
		ret_column[i] = -1;
		for (unsigned n = 0; CALLED[i][n] && ret_column[i] < 0; n++)
			weir_csv_columns(csv, &CALLED[i][n], 1, &ret_column[i]);
	}
	return csv->fields > 1 && ret_column[ADDRESS] >= 0;
}

static int add_csv(struct weir_threat_reader *r, const struct weir_csv *csv, const int *column)
{
	const char *address = weir_csv_field(csv, column[ADDRESS]);
	const char *name = weir_csv_field(csv, column[NAME]);
	const char *confidence = weir_csv_field(csv, column[CONFIDENCE]);
	long port = strtol(weir_csv_field(csv, column[PORT]), NULL, 10);
	struct weir_threat_note note = {
		.name = name,
		.name_len = strlen(name),
		.port = port > 0 && port <= UINT16_MAX ? (uint16_t)port : 0,
		.confidence = isdigit((unsigned char)*confidence) ? atoi(confidence) : -1,
		.expires_s = weir_threat_time(weir_csv_field(csv, column[EXPIRES])),
	};

	return weir_threat_add(r, address, strlen(address), &note);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ',';
}

/* DShield's blocks: the first address, the last one, the length of the prefix, and more. */
static size_t join_dshield(const char *line, size_t first, char *out, size_t size)
{
	const char *at = line + first;
	struct weir_prefix prefix;
	size_t len;

	while (is_blank(*at))
		at++;
	len = strcspn(at, " \t\r\n");
	if (!len || weir_prefix_parse(at, len, &prefix) || prefix.bits != 128)
		return 0;
	at += len;
	while (is_blank(*at))
		at++;
	len = strspn(at, "0123456789");
	return len && len < 4 ? (size_t)snprintf(out, size, "%.*s/%.*s", (int)first, line, (int)len, at) : 0;
}

/* A line of a plain list, without its comment, which is the name where it stands behind ";". */
static int add_plain(struct weir_threat_reader *r, char *line)
{
	struct weir_threat_note note = WEIR_THREAT_NOTE_NONE;
	char *comment = strpbrk(line, "#;");
	char joined[128];
	size_t len;

	if (comment && *comment == ';') {
		note.name = comment + 1 + strspn(comment + 1, " \t");
		note.name_len = strcspn(note.name, "\r\n");
	}
	if (comment)
		*comment = '\0';
	while (is_blank(*line))
		line++;
	len = strcspn(line, " \t\r\n,");
	if (!len)
		return 0;
	if (len < 64) {
		size_t dshield = join_dshield(line, len, joined, sizeof(joined));

		if (dshield)
			return weir_threat_add(r, joined, dshield, &note);
	}
	return weir_threat_add(r, line, len, &note);
}

/* The names of a CSV's columns, where a line (or the comment that it is) has some. */
static bool take_header(struct weir_csv *csv, const char *line, int *ret_column)
{
	struct weir_error ignored;

	while (*line == '#' || is_blank(*line))
		line++;
	csv->separator = '\0';
	return weir_csv_line(csv, line, &ignored) == 1 && find_columns(csv, ret_column);
}

static int add_line(struct weir_threat_reader *r, struct weir_csv *csv, char *line, int *column, bool *is_csv)
{
	struct weir_error ignored;

	if (!*is_csv) {
		*is_csv = !r->read && take_header(csv, line, column);
		return *is_csv ? 0 : add_plain(r, line);
	}
	if (*line == '#')
		return 0;
	switch (weir_csv_line(csv, line, &ignored)) {
	case 1:
		return add_csv(r, csv, column);
	case 0:
		return 0;
	default:
		r->unread++;
		return 0;
	}
}

int weir_threat_read_text(struct weir_threat_reader *r, FILE *file)
{
	struct weir_csv *csv = malloc(sizeof(*csv));
	char line[WEIR_CSV_LINE_MAX + 1];
	int column[COLUMNS];
	bool is_csv = false;
	bool whole = true; /* the line before had an end */
	int rc = 0;

	if (!csv)
		return weir_error_set(r->err, -ENOMEM, r->file, NULL, "out of memory");
	weir_csv_init(csv, NULL, r->file, '\0');
	while (!rc && fgets(line, sizeof(line), file)) {
		bool begins = whole;

		whole = strchr(line, '\n') != NULL;
		/* The rest of a line that is too long, or a zero byte's, is no line. */
		if (begins)
			rc = add_line(r, csv, line, column, &is_csv);
		else
			r->unread++;
	}
	free(csv);
	if (!rc && ferror(file))
		rc = weir_error_set(r->err, -EIO, r->file, NULL, "the threat list cannot be read to its end");
	return rc;
}

/* --- MISP ------------------------------------------------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static bool is_misp_type(const char *type)
{
	static const char *const types[] = {"ip-src", "ip-dst", "ip-src|port", "ip-dst|port"};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(type, types[i]) == 0)
			return true;
	}
	return false;
}

static int add_misp(struct weir_threat_reader *r, const json_t *attribute, const char *event)
{
	const char *value = text_of(attribute, "value");
	struct weir_threat_note note = WEIR_THREAT_NOTE_NONE;

	if (json_is_false(json_object_get(attribute, "to_ids")) || json_is_true(json_object_get(attribute, "deleted")))
		return 0;
	note.name = event;
	note.name_len = strlen(event);
	return weir_threat_add(r, value, strlen(value), &note);
}

/* --- STIX ------------------------------------------------------------------------------------------------- */

/* The value between quotes behind "ipv4-addr:value = '…'", and so on for each. */
static int add_pattern(struct weir_threat_reader *r, const char *pattern, struct weir_threat_note *note)
{
	static const char *const paths[] = {"ipv4-addr:value", "ipv6-addr:value", "dst_ref.value", "src_ref.value"};
	const char *port = strstr(pattern, "dst_port");
	int rc = 0;

	if (port && (port = strpbrk(port, "0123456789")))
		note->port = (uint16_t)strtoul(port, NULL, 10);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		for (const char *at = pattern; !rc && (at = strstr(at, paths[i]));) {
			const char *open = strchr(at, '\'');
			const char *close = open ? strchr(open + 1, '\'') : NULL;

			if (!close)
				break;
			rc = weir_threat_add(r, open + 1, (size_t)(close - open - 1), note);
			at = close;
		}
	}
	return rc;
}

static int add_stix(struct weir_threat_reader *r, const json_t *indicator)
{
	const json_t *confidence = json_object_get(indicator, "confidence");
	const char *name = text_of(indicator, "name");
	struct weir_threat_note note = {
		.name = name,
		.name_len = strlen(name),
		.confidence = json_is_integer(confidence) ? (int)json_integer_value(confidence) : -1,
		.expires_s = weir_threat_time(text_of(indicator, "valid_until")),
	};

	if (json_is_true(json_object_get(indicator, "revoked")))
		return 0;
	return add_pattern(r, text_of(indicator, "pattern"), &note);
}

/* --- JSON ------------------------------------------------------------------------------------------------- */

/* Exports nest events and attributes in several ways; what is looked for tells itself by its members. event: the name of the
 * one around it. As deep as DEPTH_MAX. */
static int walk(struct weir_threat_reader *r, const json_t *value, const char *event, unsigned depth)
{
	const char *key;
	const json_t *member;
	size_t index;
	int rc = 0;

	if (depth > DEPTH_MAX)
		return 0;
	if (json_is_array(value)) {
		json_array_foreach(value, index, member) {
			rc = walk(r, member, event, depth + 1);
			if (rc)
				return rc;
		}
		return 0;
	}
	if (!json_is_object(value))
		return 0;
	if (strcmp(text_of(value, "type"), "indicator") == 0)
		return add_stix(r, value);
	if (is_misp_type(text_of(value, "type")))
		return add_misp(r, value, event);
	if (*text_of(value, "info"))
		event = text_of(value, "info");
	json_object_foreach((json_t *)(uintptr_t)value, key, member) {
		rc = walk(r, member, event, depth + 1);
		if (rc)
			return rc;
	}
	return 0;
}

struct bounded {
	FILE *file;
	size_t left;
};

static size_t take(void *buffer, size_t size, void *ctx)
{
	struct bounded *b = ctx;
	size_t got = fread(buffer, 1, size < b->left ? size : b->left, b->file);

	b->left -= got;
	return got;
}

int weir_threat_read_json(struct weir_threat_reader *r, FILE *file)
{
	struct bounded bounded = {file, JSON_MAX_BYTES};
	char where[256];
	json_error_t wrong;
	json_t *root = json_load_callback(take, &bounded, 0, &wrong);
	int rc;

	if (!root) {
		(void)snprintf(where, sizeof(where), "%.200s:%d", r->file, wrong.line);
		return weir_error_set(r->err, -EINVAL, where, "name an export of MISP or STIX, or another form", "this is no JSON: %.100s",
				      bounded.left ? wrong.text : "it is larger than 64 MiB");
	}
	rc = walk(r, root, "", 0);
	json_decref(root);
	return rc;
}

int weir_threat_read(struct weir_threat_reader *r, FILE *file)
{
	int c;

	do {
		c = fgetc(file);
	} while (c != EOF && isspace(c));
	if (c != EOF)
		(void)ungetc(c, file);
	return c == '{' || c == '[' ? weir_threat_read_json(r, file) : weir_threat_read_text(r, file);
}
