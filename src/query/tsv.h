/* Rows from ClickHouse in its format TabSeparatedWithNamesAndTypes, as they arrive: bytes in, cells out.
 *
 * The first line gives the names, the second the types, then a line a row; with WITH TOTALS an empty line and the
 * line of the totals follow. An answer without rows has its totals, which are zeros, before the names: they are left
 * out. Memory holds one line, which is bounded. One thread; the caller owns the reader. */
#ifndef WEIR_QUERY_TSV_H
#define WEIR_QUERY_TSV_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"

struct weir_cell {
	const char *text; /* not NUL-terminated */
	size_t len;
	bool null;
};

#define WEIR_TSV_CELLS_MAX 4096
#define WEIR_TSV_LINE_MAX  (256UL * 1024 * 1024)

/* What is done with the parts; a negative return ends the reading. Cells are valid during the call. */
struct weir_tsv_sink {
	/* Before any row; names and types are valid during the call. */
	int (*header)(void *ctx, const struct weir_cell *names, const struct weir_cell *types, unsigned count);
	int (*row)(void *ctx, const struct weir_cell *cells, unsigned count, bool totals);
	void *ctx; /* borrowed */
};

struct weir_tsv {
	struct weir_tsv_sink sink;
	struct weir_buffer line;  /* the beginning of a line whose end has not come */
	struct weir_buffer names; /* the first line, until the second is there */
	struct weir_cell *cell;	  /* owned */
	struct weir_cell *name;	  /* owned */
	unsigned columns;
	unsigned lines; /* of the header that were seen: 0 to 2 */
	bool totals;	/* the totals come next, or came */
};

int weir_tsv_init(struct weir_tsv *tsv, const struct weir_tsv_sink *sink) WEIR_MUST_CHECK;
void weir_tsv_done(struct weir_tsv *tsv);

/* In the shape that weir_client_stream() takes; ctx is the reader. -EPROTO for what is not this format. */
int weir_tsv_feed(void *ctx, const void *data, size_t len) WEIR_MUST_CHECK;
/* -EPROTO when the last line is not whole. */
int weir_tsv_end(struct weir_tsv *tsv) WEIR_MUST_CHECK;

#endif
