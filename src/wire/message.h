/* One message while it is decoded: what its header said, whose it is, where its flows go, and the decoder's working
 * memory. Private to wire. */
#ifndef WEIR_WIRE_MESSAGE_H
#define WEIR_WIRE_MESSAGE_H

#include "wire/copy.h"
#include "wire/decoder.h"
#include "wire/exporter.h"
#include "wire/output.h"
#include "wire/tell.h"
#include "wire/template.h"
#include "wire/waiting.h"

/* A field's bytes in a record of variable length; borrowed from the message. */
struct weir_value {
	const uint8_t *data;
	size_t len;
};

/* See connection.h; here because the workspace holds it. */
struct weir_connections {
	struct weir_connection *entry; /* owned */
	uint64_t seed;
	uint32_t clock;
};

/* Owned by the decoder, used by one message at a time. */
struct weir_workspace {
	struct weir_field *field; /* fields_max: a template being read */
	struct weir_value *value; /* fields_max: a record being read */
	char *text;		  /* WEIR_VALUE_TEXT_MAX, like the next */
	char *list_text;
	uint32_t fields_max;
	uint32_t templates_max;
	bool sflow_inner; /* the innermost addresses of a sampled frame, not the outermost */
	uint64_t template_bytes_left;
	struct weir_waiting waiting;
	struct weir_connections connections;
	struct weir_teller teller;
	struct weir_vocabulary *vocabulary; /* borrowed; NULL: columns of names stay empty */
	uint32_t words_left;		    /* that exporters may still put into it */
	bool changed; /* what a state keeps, since it was saved last */
};

struct weir_message {
	const struct weir_datagram *datagram;
	struct weir_exporter *exporter;
	struct weir_workspace *work;
	struct weir_output *out;
	enum weir_flow_type flow_type;
	uint32_t domain;
	uint32_t sequence;
	bool has_sequence;
	uint16_t template_id; /* of the set being decoded; 0 where the protocol has none */
	uint32_t header_rate; /* sampling rate that the header told, or 0 */
	struct weir_times times;
};

static inline void weir_message_fault(const struct weir_message *m, enum weir_fault fault)
{
	weir_output_fault(m->out, fault);
}

/* Whether the message is from another port than its exporter's last one. */
static inline void weir_message_port(const struct weir_message *m)
{
	const struct weir_account *a = &m->exporter->account;

	m->exporter->port_changed = a->stats.messages && a->port != m->datagram->exporter_port;
}

static inline void weir_message_bytes(const struct weir_message *m, enum weir_byte kind, size_t bytes)
{
	weir_output_bytes(m->out, kind, bytes);
}

#endif
