/* The answer of `weir top`: rows are kept until the totals have come, which the shares need. Bounded by the
 * statement's LIMIT. One thread; the caller owns it. */
#ifndef WEIR_QUERY_RANKING_H
#define WEIR_QUERY_RANKING_H

#include "query/output.h"
#include "query/report.h"

/* The columns that the answer has behind the dimensions, and those that are written. */
enum { WEIR_RANKING_SUMS = 3, WEIR_RANKING_SHOWN = 4 };

struct weir_ranking {
	const struct weir_top *top; /* borrowed */
	struct weir_buffer cells;   /* of all rows: for each a uint32_t length and the bytes */
	uint64_t rows;
	uint64_t total[WEIR_RANKING_SUMS]; /* flows, bytes, packets of all groups */
};

void weir_ranking_init(struct weir_ranking *ranking, const struct weir_top *top);
void weir_ranking_done(struct weir_ranking *ranking);

/* For weir_tsv_init(); ctx is the ranking. */
struct weir_tsv_sink weir_ranking_sink(struct weir_ranking *ranking);

/* The columns of the output: the dimensions, then bytes, packets, flows, share; column has room for
 * WEIR_DIMENSIONS_MAX + WEIR_RANKING_SHOWN. The names are borrowed from top. */
unsigned weir_ranking_columns(const struct weir_top *top, struct weir_output_column *column);
int weir_ranking_write(const struct weir_ranking *ranking, struct weir_output *output) WEIR_MUST_CHECK;

#endif
