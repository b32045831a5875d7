/* An output as a person writes it: "HOST:PORT", then options, each behind a comma.
 *
 *   name=NAME            in metrics and logs; HOST:PORT unless set
 *   from=NETWORK         only these exporters; may stand several times
 *   except=NETWORK       not these, though from= has them; may stand several times
 *   protocol=P+P         only these: netflow1, netflow5, netflow7, netflow9, ipfix, sflow, other
 *   keep-source          the exporter's address and port stay the source
 *   rewrite              they do not, though --keep-source says so of all
 *   balance[=GROUP]      the outputs of a group share the exporters, each has its own
 *   health=KIND          udp, none, tcp://HOST:PORT, http://HOST[:PORT][/PATH], https://…
 *
 * Constant once parsed: any thread. */
#ifndef WEIR_REPLICATE_SPEC_H
#define WEIR_REPLICATE_SPEC_H

#include "base/error.h"
#include "flow/addr.h"
#include "receive/allow.h"
#include "replicate/message.h"

#define WEIR_REPLICATE_TEXT_MAX 4096

enum weir_replicate_health {
	WEIR_REPLICATE_HEALTH_UDP, /* refusals that come back by ICMP; of groups, also an empty
				      message now and then */
	WEIR_REPLICATE_HEALTH_NONE,
	WEIR_REPLICATE_HEALTH_URL, /* tcp, http, https */
};

struct weir_replicate_spec {
	char text[WEIR_REPLICATE_TEXT_MAX]; /* all of it, as written */
	char target[300];                   /* "HOST:PORT", as written */
	char host[256];
	char port[8];
	char name[300];
	char group[32]; /* "": it has all exporters */
	char health_url[256];
	enum weir_replicate_health health;
	bool keep_source;
	unsigned protocols;        /* a bit each; 0: all */
	struct weir_allow *from;   /* owned; NULL: all */
	struct weir_allow *except; /* owned; NULL: none */
};

/* What holds unless the output says otherwise. */
struct weir_replicate_standard {
	bool keep_source;
	bool balance;
};

int weir_replicate_spec_parse(const char *text, const struct weir_replicate_standard *standard,
			      struct weir_replicate_spec *ret_spec, struct weir_error *err) WEIR_MUST_CHECK;
void weir_replicate_spec_done(struct weir_replicate_spec *spec);

/* Whether the output takes what the exporter sends by that protocol. */
bool weir_replicate_spec_takes(const struct weir_replicate_spec *spec, const struct weir_addr *exporter,
			       enum weir_replicate_protocol protocol);

#endif
