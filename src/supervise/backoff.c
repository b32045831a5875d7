#include "supervise/backoff.h"

int64_t weir_backoff_fail(struct weir_backoff *backoff, int64_t ran_ms)
{
	int64_t wait_ms = backoff->next_ms;

	if (wait_ms < backoff->min_ms || ran_ms >= backoff->healthy_ms)
		wait_ms = backoff->min_ms;
	backoff->next_ms = wait_ms > backoff->max_ms / 2 ? backoff->max_ms : wait_ms * 2;
	return wait_ms;
}
