/* What may come at a place of a filter, for whoever types it. The text before the place is read by its tokens, in any
 * state of completeness; what stands behind the place does not matter. Pure; any thread. */
#ifndef WEIR_QUERY_COMPLETE_H
#define WEIR_QUERY_COMPLETE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "query/field.h"

struct weir_completion {
	size_t from, to; /* bytes of the text that a suggestion takes the place of */
	/* Where a value is wanted: its field, and the other one of a pair (src_port and dst_port of "port"); else
	 * WEIR_FIELD_NONE. Which values there are is the store's to say, beside those that are suggested. */
	unsigned field, other;
	bool quoted; /* the value was begun with a quote */
};

enum weir_suggestion { WEIR_SUGGEST_FIELD, WEIR_SUGGEST_DIRECTION, WEIR_SUGGEST_OPERATOR, WEIR_SUGGEST_VALUE, WEIR_SUGGEST_WORD };

/* Call each() for what fits the word that was begun at the place; a return other than 0 ends that and is returned. */
int weir_filter_complete(const char *text, size_t at, struct weir_completion *ret_completion,
			 int (*each)(void *ctx, enum weir_suggestion kind, const char *text, const char *help), void *ctx)
	WEIR_MUST_CHECK;

#endif
