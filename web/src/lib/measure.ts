/* The quantity that a view shows, as the API names it: a metric over time, and one to rank by. */
import type { Sums } from './api';
import { numberOf } from './api';
import { MEASURES, amount, type Amount, type Quantity } from './units';

export const RATE_METRIC = { bytes: 'bps', packets: 'pps', flows: 'fps' } as const;

export const sumOf = (sums: Sums, quantity: Quantity): number => numberOf(sums[quantity]);

export function total(sums: Sums, quantity: Quantity): Amount {
	return amount(sumOf(sums, quantity), MEASURES[quantity].total);
}

/* The mean over the span, in the unit of rates. */
export function mean(value: number, quantity: Quantity, ms: number): Amount {
	const m = MEASURES[quantity];
	return amount((value * m.factor * 1000) / Math.max(1, ms), m.rate);
}
