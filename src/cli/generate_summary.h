/* What `weir generate` says at its end. */
#ifndef WEIR_CLI_GENERATE_SUMMARY_H
#define WEIR_CLI_GENERATE_SUMMARY_H

#include <stdbool.h>
#include <stdio.h>

#include "generate/outlet.h"
#include "generate/player.h"

struct weir_generate_summary {
	const struct weir_player *player;
	const struct weir_outlet *outlet; /* NULL: printed */
	const struct weir_generator_options *generator;
	const char *version;
	double seconds;
	bool interrupted;
};

void weir_generate_summary_print(const struct weir_generate_summary *summary, bool json, FILE *out);

#endif
