#include "generate/quantile.h"

#include <math.h>

/* Fill the points strictly between two: each the geometric mean of its neighbours at twice the distance. sqrt() is
 * exact to the last bit by IEEE 754 where exp() and log() are not, so the table is the same on every machine. */
static void fill_between(double *value, unsigned low, unsigned high)
{
	unsigned middle = (low + high) / 2;

	if (middle == low)
		return;
	value[middle] = sqrt(value[low] * value[high]);
	fill_between(value, low, middle);
	fill_between(value, middle, high);
}

void weir_quantile_table_init(struct weir_quantile_table *table, const struct weir_quantiles *q)
{
	static const unsigned at[5] = {0, WEIR_QUANTILE_STEPS * 50 / 100, WEIR_QUANTILE_STEPS * 90 / 100,
				       WEIR_QUANTILE_STEPS * 99 / 100, WEIR_QUANTILE_STEPS};
	const uint32_t given[5] = {q->least, q->median, q->p90, q->p99, q->most};
	double value[WEIR_QUANTILE_STEPS + 1];

	/* One more than the number, for zero has no logarithm. */
	for (unsigned i = 0; i < 5; i++)
		value[at[i]] = (double)given[i] + 1;
	for (unsigned i = 0; i < 4; i++)
		fill_between(value, at[i], at[i + 1]);
	for (unsigned i = 0; i <= WEIR_QUANTILE_STEPS; i++)
		table->at[i] = (uint32_t)(value[i] - 1);
}
