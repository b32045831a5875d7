/* What a collector must have heard of an exporter to read what it sends: of each observation domain
 * of NetFlow v9 and IPFIX the templates, options templates and options records, as they came. A
 * collector that joins or takes an exporter over is told them before the exporter's next datagram.
 *
 * A recall belongs to one exporter, its bounds and counters (struct weir_recall_store) to one
 * worker. Not shared between threads. */
#ifndef WEIR_REPLICATE_RECALL_H
#define WEIR_REPLICATE_RECALL_H

#include "base/error.h"
#include "replicate/message.h"

struct weir_recall_limits {
	uint32_t domains_max; /* of one exporter */
	uint32_t items_max;   /* of one domain: templates and options records */
	uint64_t bytes_max;   /* memory of all exporters together */
};

extern const struct weir_recall_limits weir_recall_limits_default;

/* All exporters of a worker together. */
struct weir_recall_store {
	struct weir_recall_limits limits;
	uint64_t seed;
	uint64_t bytes;
	uint64_t items;
	uint64_t refused; /* templates and records that there was no room for */
};

struct weir_recall_item;

struct weir_recall_domain {
	uint32_t id;
	uint32_t count;
	uint32_t cap;
	uint32_t records;              /* of them options records */
	uint64_t told;                 /* the outputs that have all of this, a bit each; the caller's */
	uint64_t stamp;                /* of the latest item */
	struct weir_recall_item *item; /* owned; sorted by kind, template and key */
};

struct weir_recall {
	struct weir_recall_domain *domain; /* owned */
	uint32_t count;
};

void weir_recall_done(struct weir_recall *recall, struct weir_recall_store *store);

/* The domain of a message of NetFlow v9 or IPFIX, new where it is not known; NULL when there is no
 * room for it. Valid until the next call. */
struct weir_recall_domain *weir_recall_domain(struct weir_recall *recall, struct weir_recall_store *store,
					      uint32_t id);

/* Learn from a message of that domain. What is malformed ends the reading of that set, for the
 * copies go out all the same and judging them is the collectors' task. */
void weir_recall_learn(struct weir_recall_domain *domain, struct weir_recall_store *store,
		       const struct weir_replicate_message *m);

/* Messages that tell all of the domain to whoever hears nothing but `next` after them: of the same
 * time, and with sequence numbers that lead to next's. Each is given to send(). 0 or -ENOMEM. */
int weir_recall_tell(const struct weir_recall_domain *domain, const struct weir_replicate_message *next,
		     void (*send)(void *ctx, const uint8_t *data, size_t len), void *ctx) WEIR_MUST_CHECK;

#endif
