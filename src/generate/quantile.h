/* Heavy-tailed quantities (packets of a flow, its duration) by their quantiles: a row of the service table says what
 * the smallest, the median, the 90th, the 99th percentile and the largest are, and a draw is a look-up. Private to
 * generate. */
#ifndef WEIR_GENERATE_QUANTILE_H
#define WEIR_GENERATE_QUANTILE_H

#include <stdint.h>

#define WEIR_QUANTILE_STEPS 1024 /* the last step is the thousandth that holds the elephants */

struct weir_quantiles {
	uint32_t least, median, p90, p99, most; /* ascending */
};

struct weir_quantile_table {
	uint32_t at[WEIR_QUANTILE_STEPS + 1];
};

/* Between the given points the logarithm grows evenly. */
void weir_quantile_table_init(struct weir_quantile_table *table, const struct weir_quantiles *quantiles);

/* position: 26 random bits, ten for the step and sixteen within it. */
static inline uint32_t weir_quantile_draw(const struct weir_quantile_table *table, uint32_t position)
{
	uint32_t step = position >> 16, within = position & 0xffff;
	uint32_t low = table->at[step], high = table->at[step + 1];

	return low + (uint32_t)((uint64_t)(high - low) * within >> 16);
}

#endif
