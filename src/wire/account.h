/* The books of each exporter: what came from it, what became of it, and how well it behaves. Kept by the decoder,
 * read between two messages by the decoder's thread.
 *
 * The sums close. Each message belongs to one exporter, or to "others": messages that are too broken to say whose they
 * are, what came beyond the ceiling of exporters, and transport sessions that have ended. So the sums over all accounts
 * are those of weir_decoder_stats(). Within an account each byte has one kind (enum weir_byte), and where a byte was
 * not read, a fault says why. */
#ifndef WEIR_WIRE_ACCOUNT_H
#define WEIR_WIRE_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/addr.h"
#include "flow/column.h"
#include "wire/decoder.h"

struct weir_account {
	struct weir_decoder_stats stats;
	int64_t first_ms; /* when the first message came */
	int64_t last_ms;
	uint64_t restarts;	   /* sequence numbers that began anew */
	uint64_t port_changes;	   /* messages that came from another port than the one before */
	int64_t skew_ms;	   /* its clock less ours, smoothed, with the way here in it */
	bool skew_known;
	uint16_t port;
	uint32_t sampling_rate; /* of the last flow; 0: no flow yet */
	int64_t window_ms;	/* since when window_flows are counted, on the clock that nobody sets */
	uint64_t window_flows;
	double flows_per_s; /* of the window before; below 0: not known yet */
};

/* What is told of an exporter. All its memory is in itself. */
struct weir_exporter_report {
	struct weir_addr addr; /* all zeros: the others */
	enum weir_flow_type flow_type;
	uint32_t domain;
	uint64_t session;
	uint32_t templates;	   /* known now */
	uint64_t template_changes; /* definitions that replaced another one of the same number */
	uint64_t waiting_bytes;
	struct weir_account account;
};

struct weir_message;

/* A message of that exporter was decoded: when, from where, what its clock says. What became of it is of_message. */
void weir_account_message(struct weir_account *account, const struct weir_message *m,
			  const struct weir_decoder_stats *of_message);

/* The rate as of now, of an exporter that is silent too. */
void weir_account_settle(struct weir_account *account, int64_t clock_ms);

void weir_stats_add(struct weir_decoder_stats *sum, const struct weir_decoder_stats *more);

/* Call back for each exporter, for the others last. clock_ms: now, as in the datagrams' clock_ms; for the rates. */
void weir_decoder_each_exporter(const struct weir_decoder *decoder, int64_t clock_ms,
				void (*each)(void *ctx, const struct weir_exporter_report *report), void *ctx);
uint32_t weir_decoder_exporters(const struct weir_decoder *decoder);

#endif
