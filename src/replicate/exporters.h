/* The exporters that a worker has heard, by address and protocol: where their datagrams go, and
 * what of them is kept for collectors that join. Bounded; the ones that were silent for an hour
 * make room. One thread's. */
#ifndef WEIR_REPLICATE_EXPORTERS_H
#define WEIR_REPLICATE_EXPORTERS_H

#include "base/error.h"
#include "flow/addr.h"
#include "replicate/message.h"
#include "replicate/recall.h"

struct weir_replicate_exporter {
	struct weir_addr addr;
	enum weir_replicate_protocol protocol;
	int64_t seen_ms;
	uint64_t targets;  /* outputs that get its datagrams, a bit each */
	uint64_t filtered; /* outputs whose filters do not want them */
	struct weir_recall recall;
};

struct weir_replicate_exporters {
	struct weir_replicate_exporter **slot; /* owned, like the entries */
	uint32_t slots;                        /* a power of two */
	uint32_t count;
	uint32_t max;
	int64_t swept_ms;
	struct weir_replicate_exporter *last;
	struct weir_recall_store store;
};

int weir_replicate_exporters_init(struct weir_replicate_exporters *e, uint32_t max,
				  const struct weir_recall_limits *limits, uint64_t seed) WEIR_MUST_CHECK;
void weir_replicate_exporters_done(struct weir_replicate_exporters *e);

/* Its entry; *ret_new where it was made just now. NULL: there is no room for it. */
struct weir_replicate_exporter *weir_replicate_exporters_get(struct weir_replicate_exporters *e,
							     const struct weir_addr *addr,
							     enum weir_replicate_protocol protocol, int64_t now_ms,
							     bool *ret_new);

#endif
