/* The outputs that are in force, and which of them an exporter's datagrams go to. A plan does not
 * change; a reload makes another, which has the outputs that stay (sockets, counters, health) in
 * common with it. Reference counted; any thread. */
#ifndef WEIR_REPLICATE_PLAN_H
#define WEIR_REPLICATE_PLAN_H

#include "replicate/output.h"

struct weir_replicate_plan {
	unsigned references;
	struct weir_replicate_output *output[WEIR_REPLICATE_OUTPUTS_MAX]; /* at their slots; NULL: none */
	uint64_t all;                                                     /* the slots, a bit each */
	uint64_t kept;                                                    /* those that keep the source */
	uint64_t single;                                                  /* those that share exporters with nobody */
	uint64_t group[WEIR_REPLICATE_OUTPUTS_MAX];                       /* those that share them */
	unsigned groups;
};

/* specs are moved, also on failure. before: the plan in force, or NULL. */
int weir_replicate_plan_new(struct weir_replicate_spec *specs, unsigned count,
			    const struct weir_replicate_plan *before, unsigned workers,
			    const struct weir_replicate_output_raw *raw, struct weir_replicate_plan **ret_plan,
			    struct weir_error *err) WEIR_MUST_CHECK;
struct weir_replicate_plan *weir_replicate_plan_ref(struct weir_replicate_plan *plan);
void weir_replicate_plan_unref(struct weir_replicate_plan *plan);

/* *ret_filtered: the outputs whose filters do not want it. */
uint64_t weir_replicate_plan_route(const struct weir_replicate_plan *plan, const struct weir_addr *exporter,
				   enum weir_replicate_protocol protocol, uint64_t *ret_filtered);

#endif
