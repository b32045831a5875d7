#include "replicate/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "replicate/rendezvous.h"

/* The output that is to stay, or NULL. */
static struct weir_replicate_output *kept(const struct weir_replicate_plan *before,
					  const struct weir_replicate_spec *spec)
{
	for (unsigned i = 0; before && i < WEIR_REPLICATE_OUTPUTS_MAX; i++) {
		if (before->output[i] && weir_replicate_output_is(before->output[i], spec))
			return before->output[i];
	}
	return NULL;
}

static bool is_twice(const struct weir_replicate_spec *specs, unsigned at)
{
	for (unsigned i = 0; i < at; i++) {
		if (strcmp(specs[i].name, specs[at].name) == 0)
			return true;
	}
	return false;
}

/* A new output takes a slot that no output of the plan before has, while there is one: workers tell
 * outputs apart by pointer, so that another in the same slot is no mistake either. */
static unsigned free_slot(const struct weir_replicate_plan *plan, const struct weir_replicate_plan *before)
{
	uint64_t used = plan->all | (before ? before->all : 0);

	if (used == UINT64_MAX)
		used = plan->all;
	return (unsigned)__builtin_ctzll(~used);
}

static void place(struct weir_replicate_plan *plan, struct weir_replicate_output *output, unsigned slot)
{
	uint64_t bit = UINT64_C(1) << slot;

	plan->output[slot] = output;
	plan->all |= bit;
	plan->kept |= output->spec.keep_source ? bit : 0;
	if (!*output->spec.group) {
		plan->single |= bit;
		return;
	}
	for (unsigned i = 0; i < plan->groups; i++) {
		const struct weir_replicate_output *first = plan->output[__builtin_ctzll(plan->group[i])];

		if (strcmp(first->spec.group, output->spec.group) == 0) {
			plan->group[i] |= bit;
			return;
		}
	}
	plan->group[plan->groups++] = bit;
}

/* The outputs that stay keep their slots, so they are placed first. */
static int place_all(struct weir_replicate_plan *plan, struct weir_replicate_spec *specs, unsigned count,
		     const struct weir_replicate_plan *before, unsigned workers,
		     const struct weir_replicate_output_raw *raw, struct weir_error *err)
{
	bool placed[WEIR_REPLICATE_OUTPUTS_MAX] = {false};

	for (unsigned i = 0; i < count; i++) {
		struct weir_replicate_output *old = kept(before, &specs[i]);

		if (is_twice(specs, i))
			return weir_error_set(err, -EEXIST, specs[i].name,
					      "name each output once; name=NAME tells two ways of "
					      "one collector apart",
					      "two outputs have this name");
		if (!old || plan->output[old->slot])
			continue;
		place(plan, weir_replicate_output_ref(old), old->slot);
		placed[i] = true;
	}
	for (unsigned i = 0; i < count; i++) {
		struct weir_replicate_output *output;
		int rc = placed[i] ? 0 : weir_replicate_output_new(&specs[i], workers, raw, &output, err);

		if (rc)
			return rc;
		if (placed[i])
			continue;
		output->slot = free_slot(plan, before);
		place(plan, output, output->slot);
	}
	return 0;
}

int weir_replicate_plan_new(struct weir_replicate_spec *specs, unsigned count,
			    const struct weir_replicate_plan *before, unsigned workers,
			    const struct weir_replicate_output_raw *raw, struct weir_replicate_plan **ret_plan,
			    struct weir_error *err)
{
	struct weir_replicate_plan *plan = calloc(1, sizeof(*plan));
	int rc;

	if (!plan)
		rc = weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	else if (!count || count > WEIR_REPLICATE_OUTPUTS_MAX)
		rc = weir_error_set(err, -EINVAL, "replicate.to", "name some with --to or replicate.to",
				    "give 1 to %d outputs", WEIR_REPLICATE_OUTPUTS_MAX);
	else
		rc = place_all(plan, specs, count, before, workers, raw, err);
	for (unsigned i = 0; i < count; i++)
		weir_replicate_spec_done(&specs[i]);
	if (plan)
		plan->references = 1;
	if (rc)
		weir_replicate_plan_unref(plan);
	else
		*ret_plan = plan;
	return rc;
}

struct weir_replicate_plan *weir_replicate_plan_ref(struct weir_replicate_plan *plan)
{
	(void)__atomic_add_fetch(&plan->references, 1, __ATOMIC_RELAXED);
	return plan;
}

void weir_replicate_plan_unref(struct weir_replicate_plan *plan)
{
	if (!plan || __atomic_sub_fetch(&plan->references, 1, __ATOMIC_ACQ_REL))
		return;
	for (unsigned i = 0; i < WEIR_REPLICATE_OUTPUTS_MAX; i++)
		weir_replicate_output_unref(plan->output[i]);
	free(plan);
}

/* --- the way of an exporter ---------------------------------------------------------------------------------- */

/* One of the members: the highest score of those that live; of all where none does, for it may be a
 * mistake. */
static uint64_t choose(const struct weir_replicate_plan *plan, uint64_t members, const struct weir_addr *exporter)
{
	uint64_t best = 0;
	uint64_t best_score = 0;
	bool best_up = false;

	for (uint64_t left = members; left; left &= left - 1) {
		const struct weir_replicate_output *o = plan->output[__builtin_ctzll(left)];
		uint64_t score = weir_replicate_rendezvous_score(exporter, o->key);
		bool up = weir_replicate_output_up(o);

		if (best && (best_up > up || (best_up == up && best_score >= score)))
			continue;
		best = left & -left;
		best_score = score;
		best_up = up;
	}
	return best;
}

uint64_t weir_replicate_plan_route(const struct weir_replicate_plan *plan, const struct weir_addr *exporter,
				   enum weir_replicate_protocol protocol, uint64_t *ret_filtered)
{
	uint64_t takes = 0;
	uint64_t targets;

	for (uint64_t left = plan->all; left; left &= left - 1) {
		if (weir_replicate_spec_takes(&plan->output[__builtin_ctzll(left)]->spec, exporter, protocol))
			takes |= left & -left;
	}
	targets = takes & plan->single;
	for (unsigned i = 0; i < plan->groups; i++)
		targets |= choose(plan, takes & plan->group[i], exporter);
	*ret_filtered = plan->all & ~takes;
	return targets;
}
