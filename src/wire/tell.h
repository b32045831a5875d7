/* Records for the tables beside flows (flow/record.h): what a message told of its exporter. What has not changed is told
 * again only after a while, for exporters repeat their tables every few minutes. Private to wire; one thread. */
#ifndef WEIR_WIRE_TELL_H
#define WEIR_WIRE_TELL_H

#include "base/error.h"
#include "flow/record.h"

#define WEIR_TELL_AGAIN_MS (INT64_C(60) * 60 * 1000)
#define WEIR_TOLD_SLOTS	   32768

struct weir_message;

/* Which options were told when: a cache, so that a lost entry costs a row that the store replaces. */
struct weir_told {
	uint64_t hash;
	int64_t time_ms;
};

struct weir_teller {
	const struct weir_record_sink *sink; /* borrowed; NULL: nobody listens */
	struct weir_told *told;		     /* owned; WEIR_TOLD_SLOTS */
	uint64_t seed;
};

int weir_teller_init(struct weir_teller *teller, const struct weir_record_sink *sink, uint64_t seed) WEIR_MUST_CHECK;
void weir_teller_done(struct weir_teller *teller);

static inline struct weir_text weir_text_of(const char *text)
{
	return (struct weir_text){text, __builtin_strlen(text)};
}

void weir_tell_option(const struct weir_message *m, struct weir_text kind, struct weir_text id, struct weir_text name,
		      struct weir_text value);
void weir_tell_counter(const struct weir_message *m, struct weir_text kind, uint32_t source, struct weir_text name,
		       uint64_t value);

#endif
