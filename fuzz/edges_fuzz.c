/* Any file as edges of the matrix: read or refused, sorted, and written as every graph. */
#include <stdio.h>
#include <stdlib.h>

#include "query/edges.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int drop(void *ctx, const void *text, size_t len)
{
	(void)ctx;
	return len && !text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FILE *file = size ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;
	struct weir_error err = {0};
	struct weir_edges edges;

	if (!file)
		return 0;
	weir_edges_init(&edges);
	if (weir_edges_read(&edges, file, "file", &err)) {
		if (!*err.what)
			abort();
	} else {
		weir_edges_sort(&edges);
		for (size_t i = 1; i < edges.count; i++) {
			if (weir_edges_compare(&edges, i - 1, &edges, i) > 0)
				abort();
		}
		for (int form = 0; form < WEIR_EDGE_FORMS; form++) {
			if (weir_edges_graph(&edges, (enum weir_edge_form)form, drop, NULL))
				abort();
		}
	}
	weir_edges_done(&edges);
	(void)fclose(file);
	return 0;
}
