/* The decoders of one message each, by protocol; decoder.c picks one by the version. Private to wire. */
#ifndef WEIR_WIRE_NETFLOW_H
#define WEIR_WIRE_NETFLOW_H

#include "wire/exporter.h"
#include "wire/message.h"
#include "wire/plan.h"

/* m has datagram, work and out; the rest is read from the message. */
void weir_netflow9_decode(struct weir_exporters *exporters, struct weir_message *m);
void weir_ipfix_decode(struct weir_exporters *exporters, struct weir_message *m);

/* NetFlow v1, v5 and v7: formats without templates, kept as if they had one. */
enum weir_legacy { WEIR_LEGACY_1, WEIR_LEGACY_1_LONG, WEIR_LEGACY_5, WEIR_LEGACY_7, WEIR_LEGACIES };

#define WEIR_LEGACY_FIELDS_MAX 24

struct weir_legacies {
	struct weir_legacy_format {
		struct weir_field field[WEIR_LEGACY_FIELDS_MAX];
		uint32_t record_len;
		struct weir_plan *plan; /* owned; borrows field, so the whole must stay where it is */
	} format[WEIR_LEGACIES];
};

int weir_legacies_init(struct weir_legacies *legacies) WEIR_MUST_CHECK;
void weir_legacies_done(struct weir_legacies *legacies);
/* Length of the message of v5 or v7 that data begins with, where another one of the same version follows it as in a
 * file of messages; otherwise len. */
size_t weir_legacy_message_len(enum weir_legacy format, const uint8_t *data, size_t len);
void weir_legacy_decode(const struct weir_legacies *legacies, enum weir_legacy format,
			struct weir_exporters *exporters, struct weir_message *m);

/* The exporter's entry, or the fault. */
static inline bool weir_message_exporter(struct weir_exporters *exporters, struct weir_message *m)
{
	const struct weir_exporter_key key = {.flow_type = m->flow_type,
					      .domain = m->domain,
					      .session = m->datagram->session,
					      .addr = m->datagram->exporter};

	m->exporter = weir_exporters_get(exporters, &key);
	if (!m->exporter)
		weir_message_fault(m, WEIR_FAULT_EXPORTERS_LIMIT);
	else
		weir_message_port(m);
	return m->exporter != NULL;
}

#endif
