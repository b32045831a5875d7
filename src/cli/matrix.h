/* What the verbs of `weir matrix` share. */
#ifndef WEIR_CLI_MATRIX_H
#define WEIR_CLI_MATRIX_H

#include "cli/query.h"
#include "query/edges.h"
#include "query/matrix.h"

struct weir_matrix_values {
	struct weir_query_values common;
	const char *by;
	const char *folder;
	const char *comment;
	const char *factor;
	uint64_t rows;
	bool replace;
};

enum weir_grain weir_matrix_grain(const char *name);

/* Load the edges that the store has, with descriptions. Mistakes are printed; an exit status. */
int weir_matrix_load(struct weir_client *client, const struct weir_query_values *values, const struct weir_matrix *matrix,
		     struct weir_edges *edges);

/* `weir matrix diff A B`; operand[0] and [1] are files or periods. */
int weir_matrix_diff(const struct weir_command *self, const struct weir_matrix_values *values, char **operand);

#endif
