/* What a decoder knows of each exporter: one entry a protocol, address, transport session and observation domain
 * (NetFlow v5: engine; NetFlow v9: source id; sFlow: agent and sub-agent). The table owns the entries, never moves them,
 * and has a ceiling. Private to wire; one thread. */
#ifndef WEIR_WIRE_EXPORTER_H
#define WEIR_WIRE_EXPORTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "flow/addr.h"
#include "flow/column.h"
#include "wire/account.h"
#include "wire/names.h"
#include "wire/sampling.h"
#include "wire/template.h"

struct weir_workspace;

struct weir_exporter {
	struct weir_addr addr;
	uint64_t session; /* TCP, TLS; else 0 */
	uint32_t domain;
	enum weir_flow_type flow_type;

	uint32_t sequence_next; /* expected in the next message */
	bool sequence_known;
	uint8_t sequence_late; /* messages in a row that came with too low a number */
	uint32_t sequence_last; /* of the last message; where records are counted, like the next */
	int8_t sequence_own;	/* 1: it counts a message's own flows in; -1: it does not; 0: not known */

	bool init_known;
	int64_t init_ms; /* systemInitTimeMilliseconds, from an options record */
	struct weir_samplings sampling;
	struct weir_names names[WEIR_NAME_KINDS];
	struct weir_templates templates;
	uint64_t waiting_bytes; /* of its sets that wait for a template (waiting.h) */
	bool port_changed; /* the message now decoded is from another port than the one before */
	struct weir_account account;
	int64_t loaded_ms; /* from a saved state: when it was heard last */
};

struct weir_exporters;

int weir_exporters_new(uint32_t exporters_max, uint64_t seed, struct weir_exporters **ret_exporters) WEIR_MUST_CHECK;
void weir_exporters_free(struct weir_exporters *exporters);

/* What an entry is found by. */
struct weir_exporter_key {
	enum weir_flow_type flow_type;
	uint32_t domain;
	uint64_t session;
	struct weir_addr addr;
};

/* The entry, made when it is new; NULL at the ceiling or without memory. It stays where it is until its session is
 * forgotten, or weir_exporters_free(). */
struct weir_exporter *weir_exporters_get(struct weir_exporters *exporters, const struct weir_exporter_key *key);

/* Remove a session's entries with all that belongs to them; their accounts are added to *sum. Returns how many sets that
 * waited were dropped. Looks at all entries. */
uint32_t weir_exporters_forget(struct weir_exporters *exporters, uint64_t session, struct weir_workspace *work,
			       struct weir_decoder_stats *sum);

/* The entries one by one: *at begins with 0. NULL behind the last. */
struct weir_exporter *weir_exporters_next(const struct weir_exporters *exporters, uint32_t *at);
uint32_t weir_exporters_count(const struct weir_exporters *exporters);

/* A message came with this sequence number and carries `units` of what the protocol counts (messages, flows,
 * samples). Returns how many units were lost before it: 0 for the first message, for one that comes late and
 * after a restart, which is told from loss by a step back or a very large one forward. */
uint32_t weir_exporter_sequence(struct weir_exporter *exporter, uint32_t sequence, uint32_t units);

/* The same for IPFIX and NetFlow v5 and v7, called when the message's sets have told how many data records it carried, and how many of those
 * are flows. known: they could be counted. */
uint32_t weir_exporter_sequence_records(struct weir_exporter *exporter, uint32_t sequence, uint32_t records,
					uint32_t flows, bool known);

#endif
