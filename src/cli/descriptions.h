/* What a person wrote of networks, for those who show them: read from where the configuration has them. */
#ifndef WEIR_CLI_DESCRIPTIONS_H
#define WEIR_CLI_DESCRIPTIONS_H

#include "base/vocabulary.h"
#include "config/config.h"
#include "enrich/networks.h"

struct weir_descriptions {
	struct weir_vocabulary *vocabulary; /* owned */
	struct weir_networks *networks;	    /* owned */
};

int weir_descriptions_open(const struct weir_config *config, struct weir_descriptions *ret_descriptions, struct weir_error *err)
	WEIR_MUST_CHECK;
void weir_descriptions_done(struct weir_descriptions *descriptions);

/* Of a prefix, or of the network of an address; "" where there is none. Lives as long as the descriptions. */
const char *weir_descriptions_find(const struct weir_descriptions *descriptions, const char *subnet, size_t len);

#endif
