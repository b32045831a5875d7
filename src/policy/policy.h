/* A policy: rules in order, of which the first that matches judges a flow.
 *
 * Everything that rules ask about who and what falls into classes. A place class is a zone, a role, inside or outside, a country, a threat list
 * and the rules' own networks; a service class a protocol, a group of ports that no rule tells apart, a service and a category. For
 * each class it is worked out once which rules it satisfies, as a set of bits; a flow is then judged by the
 * intersection of three sets (who asks, who answers, over what), whose lowest bit is the rule. Times and quantities are looked at for the
 * rules that remain. So the time a flow takes hardly grows with the number of rules.
 *
 *   struct weir_policy   rules, ports and networks; immutable, any number of threads may read it
 *   struct weir_judge    the classes met so far and the sums within spans of time; one a thread
 *
 * Judging reads the columns that enrichment filled (src_zone, src_role, service, …) and fills rule and
 * action. It knows nothing of networks and lists themselves. */
#ifndef WEIR_POLICY_POLICY_H
#define WEIR_POLICY_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/vocabulary.h"
#include "flow/block.h"
#include "policy/rule.h"

struct weir_policy;

/* Which roles there are, for packs that need one; NULL: all. */
struct weir_policy_roles {
	bool (*has)(void *ctx, const char *role);
	void *ctx;
};

/* Rules of the files in this order. The policy takes the files over in any case and frees them. Names of rules go into the
 * vocabulary, which must live as long as the policy. */
int weir_policy_new(struct weir_rule_file **files, unsigned files_n, const struct weir_policy_roles *roles,
		    struct weir_vocabulary *vocabulary, struct weir_policy **ret_policy, struct weir_error *err) WEIR_MUST_CHECK;
void weir_policy_free(struct weir_policy *policy);

uint32_t weir_policy_rules(const struct weir_policy *policy);
const struct weir_policy_rule *weir_policy_rule(const struct weir_policy *policy, uint32_t index);

/* Packs that were left out for want of a role, in turn: NULL behind the last. */
const struct weir_rule_file *weir_policy_left_out(const struct weir_policy *policy, unsigned index, const char **ret_role);

/* A flow that a rule with alert or deny judged. The addresses are of the two sides as the rule speaks of them. */
struct weir_policy_hit {
	uint32_t rule;
	const struct weir_block *block; /* for the message's placeholders */
	uint32_t row;
	bool swapped; /* the flow's source is the server */
	const struct weir_addr *client;
	const struct weir_addr *server;
};

/* What an exporter counted, times its sampling rate (0 is 1); at most UINT64_MAX. */
static inline uint64_t weir_scaled(uint64_t value, uint32_t rate)
{
	uint64_t product;

	return __builtin_mul_overflow(value, (uint64_t)(rate ? rate : 1), &product) ? UINT64_MAX : product;
}

struct weir_policy_sink {
	void (*hit)(void *ctx, const struct weir_policy_hit *hit);
	void *ctx;
};

struct weir_judge_stats {
	uint64_t flows[WEIR_POLICY_ACTIONS + 1]; /* by action; the last: no rule matched */
	uint64_t classes_dropped; /* times that a table of classes was full and began anew */
	uint64_t sums_dropped;	  /* sums within spans of time that gave way to others */
};

struct weir_judge;

/* seed: random, of the hash tables. The policy must live longer. */
int weir_judge_new(const struct weir_policy *policy, uint64_t seed, struct weir_judge **ret_judge) WEIR_MUST_CHECK;
void weir_judge_free(struct weir_judge *judge);

/* Judge every row of the block, at this moment (for rules with times): fills the columns rule and action, and marks them. sink may be NULL. */
void weir_judge_block(struct weir_judge *judge, struct weir_block *block, int64_t now_s, const struct weir_policy_sink *sink);

struct weir_judge_stats weir_judge_stats(const struct weir_judge *judge);

#endif
