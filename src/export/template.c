/* NetFlow v9 (RFC 3954) and IPFIX (RFC 7011): records by templates.
 *
 * A template is made for each pair of column set and address family that the blocks bring, from the catalogue of
 * field.c, and kept by the encoder. It is sent in the message of its first data record, before it, and again when
 * the refresh is due by messages or by time (RFC 3954 §9, RFC 7011 §8.1): at a message's beginning all templates
 * count as not sent. So a collector that starts late waits at most one refresh, and no message is all templates.
 * Where a sampling rate or interfaces are given, an options template and its records go the same way.
 *
 * What differs between the two: the header, the numbers of template sets, padding (RFC 3954 §5.3 asks for it, IPFIX
 * does not), and the sequence number: v9 counts messages (§5.1), IPFIX data records (§3.1). The v9 header has whole
 * seconds beside the uptime in milliseconds; both are given for the last whole second, so that a flow's times come
 * out exact. */
#include <string.h>

#include "export/message.h"

enum {
	SET_HEADER_BYTES = 4,
	FIELD_BYTES = 4,
	TEMPLATE_HEADER_BYTES = 4,

	V9_SCOPE_SYSTEM = 1,
	V9_SCOPE_INTERFACE = 2,
	IE_INGRESS_INTERFACE = 10,
	IE_INTERFACE_NAME = 82,
	IE_OBSERVATION_DOMAIN = 149,
	IE_SAMPLING_INTERVAL = 34,
	IE_SAMPLING_ALGORITHM = 35,
	SAMPLING_DETERMINISTIC = 1, /* samplingAlgorithm, element 35 */
	SAMPLING_RANDOM = 2,
};

static bool is_v9(const struct weir_encoder *e)
{
	return e->options.version == WEIR_FLOW_NETFLOW9;
}

static void refresh_if_due(struct weir_encoder *e)
{
	if (e->messages_since_refresh < e->options.template_refresh_messages &&
	    e->now_ms - e->refreshed_ms < e->options.template_refresh_ms)
		return;
	for (unsigned i = 0; i < WEIR_TEMPLATES_MAX; i++)
		e->template[i].sent = false;
	e->options_sent = false;
	e->messages_since_refresh = 0;
	e->refreshed_ms = e->now_ms;
}

static void begin(struct weir_encoder *e)
{
	struct weir_writer *w = &e->message.w;

	refresh_if_due(e);
	weir_writer_u16(w, (uint16_t)e->options.version);
	weir_writer_u16(w, 0); /* v9: count of records; IPFIX: length in bytes; end() */
	if (is_v9(e))
		weir_writer_u32(w, weir_encoder_uptime(e, e->now_ms / 1000 * 1000));
	weir_writer_u32(w, (uint32_t)(e->now_ms / 1000));
	weir_writer_u32(w, e->sequence);
	weir_writer_u32(w, e->options.domain);
}

static void close_set(struct weir_encoder *e)
{
	struct weir_message *m = &e->message;

	if (!m->set_open)
		return;
	if (is_v9(e) && weir_writer_len(&m->w) % 4)
		weir_writer_zero(&m->w, 4 - weir_writer_len(&m->w) % 4);
	weir_writer_patch16(&m->w, m->set_at + 2, weir_writer_len(&m->w) - m->set_at);
	m->set_open = false;
}

static void open_set(struct weir_encoder *e, uint16_t id)
{
	struct weir_message *m = &e->message;

	if (m->set_open && m->set_id == id)
		return;
	close_set(e);
	m->set_open = true;
	m->set_id = id;
	m->set_at = weir_writer_len(&m->w);
	weir_writer_u16(&m->w, id);
	weir_writer_u16(&m->w, 0); /* length: close_set() */
}

static void end(struct weir_encoder *e)
{
	struct weir_message *m = &e->message;

	close_set(e);
	weir_writer_patch16(&m->w, 2, is_v9(e) ? m->records : weir_writer_len(&m->w));
	e->sequence += is_v9(e) ? 1 : (uint32_t)m->data_records;
	e->messages_since_refresh++;
}

static void write_template(struct weir_encoder *e, struct weir_export_template *t)
{
	struct weir_message *m = &e->message;

	open_set(e, is_v9(e) ? 0 : 2);
	weir_writer_u16(&m->w, t->id);
	weir_writer_u16(&m->w, (uint16_t)t->fields);
	for (unsigned i = 0; i < t->fields; i++) {
		weir_writer_u16(&m->w, t->field[i].element);
		weir_writer_u16(&m->w, t->field[i].length);
		if (t->field[i].enterprise)
			weir_writer_u32(&m->w, t->field[i].enterprise);
	}
	m->records++;
	m->templates++;
	t->sent = true;
}

/* More than the sets of write_sampling() and of write_interfaces() take. */
#define SAMPLING_BYTES	     64
#define INTERFACES_BYTES(n) (48 + (n) * (4 + WEIR_ENCODER_NAME_MAX))

static void write_options_template(struct weir_encoder *e, uint16_t id, uint16_t v9_scope, uint16_t scope, unsigned options)
{
	struct weir_writer *w = &e->message.w;

	open_set(e, is_v9(e) ? 1 : 3);
	weir_writer_u16(w, id);
	if (is_v9(e)) { /* lengths in bytes of the scopes and of the options, RFC 3954 §6.1 */
		weir_writer_u16(w, FIELD_BYTES);
		weir_writer_u16(w, (uint16_t)(options * FIELD_BYTES));
	} else { /* how many fields, and how many of them are scopes, RFC 7011 §3.4.2.2 */
		weir_writer_u16(w, (uint16_t)(1 + options));
		weir_writer_u16(w, 1);
	}
	weir_writer_u16(w, is_v9(e) ? v9_scope : scope);
	weir_writer_u16(w, 4);
	e->message.records++;
	e->message.templates++;
}

/* The sampling rate of the whole exporter: samplingInterval and samplingAlgorithm, scoped to the system (v9) or the
 * observation domain. The elements are older than RFC 5477's, but every collector knows them. */
static void write_sampling(struct weir_encoder *e)
{
	struct weir_message *m = &e->message;
	struct weir_writer *w = &m->w;

	write_options_template(e, WEIR_TEMPLATE_OF_SAMPLING, V9_SCOPE_SYSTEM, IE_OBSERVATION_DOMAIN, 2);
	weir_writer_u16(w, IE_SAMPLING_INTERVAL);
	weir_writer_u16(w, 4);
	weir_writer_u16(w, IE_SAMPLING_ALGORITHM);
	weir_writer_u16(w, 1);
	open_set(e, WEIR_TEMPLATE_OF_SAMPLING);
	weir_writer_u32(w, e->options.domain);
	weir_writer_u32(w, e->options.sampling_rate);
	weir_writer_u8(w, e->options.sampling_random ? SAMPLING_RANDOM : SAMPLING_DETERMINISTIC);
	m->records++;
	m->data_records++;
}

/* interfaceName of each interface, scoped to it. */
static void write_interfaces(struct weir_encoder *e)
{
	struct weir_message *m = &e->message;
	struct weir_writer *w = &m->w;

	write_options_template(e, WEIR_TEMPLATE_OF_INTERFACES, V9_SCOPE_INTERFACE, IE_INGRESS_INTERFACE, 1);
	weir_writer_u16(w, IE_INTERFACE_NAME);
	weir_writer_u16(w, WEIR_ENCODER_NAME_MAX);
	open_set(e, WEIR_TEMPLATE_OF_INTERFACES);
	for (unsigned i = 0; i < e->options.interfaces; i++) {
		weir_writer_u32(w, e->options.interface[i].index);
		weir_writer_bytes(w, e->options.interface[i].name, WEIR_ENCODER_NAME_MAX);
		m->records++;
		m->data_records++;
	}
}

/* Room that the options records need, where they are due. */
static size_t options_bytes(const struct weir_encoder *e)
{
	size_t bytes = e->options.sampling_rate ? SAMPLING_BYTES : 0;

	if (e->options_sent)
		return 0;
	return e->options.interfaces ? bytes + INTERFACES_BYTES(e->options.interfaces) : bytes;
}

static void write_options(struct weir_encoder *e)
{
	if (e->options.sampling_rate)
		write_sampling(e);
	if (e->options.interfaces)
		write_interfaces(e);
	e->options_sent = true;
}

static struct weir_export_template *template_for(struct weir_encoder *e, unsigned family,
						 const struct weir_column_set *present)
{
	struct weir_column_set columns = *present;
	struct weir_export_template *t;

	if (e->options.sampling_rate)
		weir_column_set_remove(&columns, WEIR_COL_SAMPLING_RATE);
	for (unsigned i = 0; i < WEIR_TEMPLATES_MAX; i++) {
		t = &e->template[i];
		if (t->id && t->family == family && memcmp(&t->columns, &columns, sizeof(columns)) == 0)
			return t;
	}
	t = &e->template[e->template_next++ % WEIR_TEMPLATES_MAX];
	e->template_id = e->template_id + 1 < WEIR_TEMPLATE_OF_INTERFACES ? (uint16_t)(e->template_id + 1) : 256;
	*t = (struct weir_export_template){.columns = columns, .family = (uint8_t)family, .id = e->template_id};
	t->fields = weir_field_list(e->options.version, family, &columns, t->field);
	for (unsigned i = 0; i < t->fields; i++)
		t->record_bytes += t->field[i].length;
	return t;
}

static size_t template_bytes(const struct weir_export_template *t)
{
	size_t bytes = SET_HEADER_BYTES + TEMPLATE_HEADER_BYTES + t->fields * FIELD_BYTES;

	for (unsigned i = 0; i < t->fields; i++)
		bytes += t->field[i].enterprise ? FIELD_BYTES : 0;
	return bytes;
}

/* Room for one record of t, behind its template where that is due. */
static int prepare(struct weir_encoder *e, struct weir_export_template *t)
{
	struct weir_message *m = &e->message;
	size_t padding = 3, record = SET_HEADER_BYTES + t->record_bytes + padding, options;
	int rc;

	if (m->open && m->set_open && m->set_id == t->id && weir_writer_left(&m->w) >= t->record_bytes + padding)
		return 0;
	/* A new message may find the refresh due, so room is asked for before it is known what is due. */
	rc = weir_message_room(e, record);
	if (rc)
		return rc;
	options = options_bytes(e);
	if (options) {
		rc = weir_message_room(e, options);
		if (rc)
			return rc;
		write_options(e);
	}
	rc = weir_message_room(e, options || !t->sent ? record + template_bytes(t) + padding : record);
	if (rc)
		return rc;
	if (!t->sent)
		write_template(e, t);
	open_set(e, t->id);
	return 0;
}

static unsigned family_of(const struct weir_block *block, uint32_t row)
{
	return weir_addr_is_v4(&weir_block_addr(block, WEIR_COL_SRC_ADDR)[row]) ||
			       weir_addr_is_v4(&weir_block_addr(block, WEIR_COL_DST_ADDR)[row])
		       ? 4
		       : 6;
}

static int rows(struct weir_encoder *e, const struct weir_block *block, uint32_t first, uint32_t rows,
		const struct weir_column_set *present)
{
	const uint64_t *packets = weir_block_u64(block, WEIR_COL_PACKETS);
	const uint64_t *bytes = weir_block_u64(block, WEIR_COL_BYTES);
	struct weir_message *m = &e->message;

	/* A family at a time, for otherwise each change would cost a set. */
	for (unsigned family = 4; family <= 6; family += 2) {
		struct weir_export_template *t = NULL;

		for (uint32_t row = first; row < first + rows; row++) {
			int rc;

			if (family_of(block, row) != family)
				continue;
			if (!t)
				t = template_for(e, family, present);
			if (!t->fields) {
				e->stats.unsendable++;
				continue;
			}
			rc = prepare(e, t);
			if (rc)
				return rc;
			e->stats.clamped += weir_record_write(&m->w, t->field, t->fields, block, row, e->boot_ms);
			m->records++;
			m->data_records++;
			weir_message_flow(m, packets[row], bytes[row]);
		}
	}
	return 0;
}

const struct weir_protocol weir_protocol_template = {.rows = rows, .begin = begin, .end = end};
