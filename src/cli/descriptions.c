#include "cli/descriptions.h"

#define IPV6_BITS 128

int weir_descriptions_open(const struct weir_config *config, struct weir_descriptions *ret_descriptions, struct weir_error *err)
{
	const struct weir_networks_options options = {
		.file = config->networks_file,
		.line = (const char *const *)config->networks_list.item,
		.lines = config->networks_list.count,
		.external = (const char *const *)config->networks_external.item,
		.externals = config->networks_external.count,
	};
	int rc;

	*ret_descriptions = (struct weir_descriptions){0};
	rc = weir_vocabulary_new(&weir_vocabulary_limits_default, 0, &ret_descriptions->vocabulary);
	if (rc)
		return weir_error_set(err, rc, NULL, NULL, "out of memory");
	rc = weir_networks_load(&options, ret_descriptions->vocabulary, &ret_descriptions->networks, err);
	if (rc)
		weir_descriptions_done(ret_descriptions);
	return rc;
}

void weir_descriptions_done(struct weir_descriptions *descriptions)
{
	weir_networks_free(descriptions->networks);
	weir_vocabulary_free(descriptions->vocabulary);
	*descriptions = (struct weir_descriptions){0};
}

const char *weir_descriptions_find(const struct weir_descriptions *descriptions, const char *subnet, size_t len)
{
	const struct weir_network *network;
	struct weir_prefix prefix;
	uint32_t number;

	if (!descriptions->networks || weir_prefix_parse(subnet, len, &prefix) < 0)
		return "";
	number = weir_networks_find(descriptions->networks, &prefix.addr);
	network = &descriptions->networks->network[number];
	while (number && network->prefix.bits > prefix.bits) {
		number = network->parent;
		network = &descriptions->networks->network[number];
	}
	if (!number || (network->prefix.bits != prefix.bits && prefix.bits != IPV6_BITS))
		return "";
	return weir_vocabulary_word(descriptions->vocabulary, network->description).text;
}
