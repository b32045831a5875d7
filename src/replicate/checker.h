/* Looks after the outputs' health: asks URLs, sends groups' members an empty IPFIX message now and
 * then, and hears what comes back. One thread's. */
#ifndef WEIR_REPLICATE_CHECKER_H
#define WEIR_REPLICATE_CHECKER_H

#include "base/clock.h"
#include "replicate/plan.h"

struct weir_checker_options {
	unsigned interval_ms;
	unsigned timeout_ms;
	unsigned return_ms; /* how long an output must be well to come back */
	struct weir_clock clock;
};

struct weir_checker;

int weir_checker_new(const struct weir_checker_options *options, struct weir_checker **ret_checker,
		     struct weir_error *err) WEIR_MUST_CHECK;
void weir_checker_free(struct weir_checker *checker);

/* What is due, for at most wait_ms. True when some output has gone down or come up. */
bool weir_checker_look(struct weir_checker *checker, const struct weir_replicate_plan *plan, unsigned wait_ms);

/* What makes an output down and up again. */
struct weir_replicate_health_rule weir_checker_rule(const struct weir_checker_options *options,
						    const struct weir_replicate_output *output);

#endif
