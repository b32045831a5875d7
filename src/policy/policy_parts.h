/* Inner header of src/policy: what the policy is made of. */
#ifndef WEIR_POLICY_POLICY_PARTS_H
#define WEIR_POLICY_POLICY_PARTS_H

#include "flow/prefix_table.h"
#include "policy/policy.h"

/* Of a set of rules, one bit each. */
#define WEIR_RULE_WORDS_MAX (WEIR_POLICY_RULES_MAX / 64)

struct weir_policy_left {
	const struct weir_rule_file *file;
	const char *role;
};

struct weir_policy {
	struct weir_vocabulary *vocabulary;
	struct weir_rule_file **file; /* owned */
	unsigned files;
	const struct weir_policy_rule **rule; /* in order, into the files */
	const struct weir_rule_file **file_of; /* of each rule: for its sets */
	uint32_t *name; /* of each rule: in the vocabulary */
	uint32_t action_name[WEIR_POLICY_ACTIONS];
	uint32_t inbound, outbound, internal; /* of the column traffic_direction, in the vocabulary */
	uint32_t rules;
	uint32_t words; /* of a set of rules */
	uint64_t *dynamic; /* rules that ask about times or quantities */
	bool by_country;
	bool by_threat;
	struct weir_policy_left *left;
	unsigned lefts;
	/* Ports that no rule tells apart are one group; 0 to 65535 for each of the protocols with ports, which are told apart too. */
	uint16_t *port_group[2]; /* of TCP, and of the others */
	struct weir_prefix *prefix; /* all that rules name, each once */
	uint32_t prefixes;
	struct weir_prefix_table *table; /* address to 1 + the index of the longest of them; NULL: there are none */
};

/* What a rule can know of a side of a flow. */
struct weir_place {
	uint32_t zone; /* names in the vocabulary, 0: none */
	uint32_t role; /* words parted by blanks */
	uint32_t country;
	uint32_t threat;
	uint32_t prefix; /* 1 + index of the longest of the policy's networks, 0: none */
	bool inside;
};

struct weir_service {
	uint8_t proto;
	uint16_t port;
	uint32_t service;
	uint32_t category;
};

/* Which rules have a condition that this satisfies: words of bits. */
void weir_policy_place_rules(const struct weir_policy *policy, const struct weir_place *place, uint64_t *ret_from, uint64_t *ret_to);
void weir_policy_service_rules(const struct weir_policy *policy, const struct weir_service *service, uint64_t *ret_over);

static inline bool weir_proto_has_ports(uint8_t proto)
{
	return proto == 6 || proto == 17 || proto == 33 || proto == 132 || proto == 136;
}

static inline uint16_t weir_policy_port_group(const struct weir_policy *policy, uint8_t proto, uint16_t port)
{
	return policy->port_group[proto != 6][port];
}

#endif
