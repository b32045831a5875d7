/* The texts of all edges lie behind one another in a heap, so a million of them are two allocations. */
#include "query/edges.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CELLS_MAX 64 /* of a line of a file */

const struct weir_output_column weir_edge_columns[WEIR_EDGE_COLUMNS] = {
	[WEIR_EDGE_SRC_ZONE] = {.name = "src_zone", .kind = WEIR_KIND_TEXT},
	[WEIR_EDGE_SRC_SUBNET] = {.name = "src_subnet", .kind = WEIR_KIND_TEXT},
	[WEIR_EDGE_SRC_DESCR] = {.name = "src_descr", .kind = WEIR_KIND_TEXT},
	[WEIR_EDGE_DST_ZONE] = {.name = "dst_zone", .kind = WEIR_KIND_TEXT},
	[WEIR_EDGE_DST_SUBNET] = {.name = "dst_subnet", .kind = WEIR_KIND_TEXT},
	[WEIR_EDGE_DST_DESCR] = {.name = "dst_descr", .kind = WEIR_KIND_TEXT},
	[WEIR_EDGE_DIRECTION] = {.name = "direction", .kind = WEIR_KIND_TEXT},
	[WEIR_EDGE_PROTOCOL] = {.name = "protocol", .kind = WEIR_KIND_PROTO},
	[WEIR_EDGE_DST_PORT] = {.name = "dst_port", .kind = WEIR_KIND_NUMBER},
	[WEIR_EDGE_SERVICE] = {.name = "service", .kind = WEIR_KIND_TEXT},
	[WEIR_EDGE_CATEGORY] = {.name = "category", .kind = WEIR_KIND_TEXT},
	[WEIR_EDGE_HITS] = {.name = "hits", .kind = WEIR_KIND_COUNT},
	[WEIR_EDGE_BYTES] = {.name = "bytes", .kind = WEIR_KIND_BYTES},
	[WEIR_EDGE_PACKETS] = {.name = "packets", .kind = WEIR_KIND_COUNT},
	[WEIR_EDGE_RULE] = {.name = "rule", .kind = WEIR_KIND_TEXT},
	[WEIR_EDGE_ACTION] = {.name = "action", .kind = WEIR_KIND_TEXT},
	[WEIR_EDGE_FIRST_SEEN] = {.name = "first_seen", .kind = WEIR_KIND_TIME},
	[WEIR_EDGE_LAST_SEEN] = {.name = "last_seen", .kind = WEIR_KIND_TIME},
};

/* Who, to whom, over what, judged how. */
static const enum weir_edge_column KEY[] = {
	WEIR_EDGE_SRC_ZONE, WEIR_EDGE_SRC_SUBNET, WEIR_EDGE_DST_ZONE, WEIR_EDGE_DST_SUBNET, WEIR_EDGE_PROTOCOL, WEIR_EDGE_DST_PORT,
	WEIR_EDGE_DIRECTION, WEIR_EDGE_SERVICE, WEIR_EDGE_CATEGORY, WEIR_EDGE_RULE, WEIR_EDGE_ACTION,
};

void weir_edges_init(struct weir_edges *edges)
{
	*edges = (struct weir_edges){0};
	weir_buffer_init(&edges->heap);
}

void weir_edges_done(struct weir_edges *edges)
{
	weir_buffer_done(&edges->heap);
	free(edges->edge);
	*edges = (struct weir_edges){0};
}

static int put_text(struct weir_edges *edges, const char *text, size_t len, size_t *ret_at)
{
	size_t at = edges->heap.len;
	int rc = weir_buffer_append(&edges->heap, text, len);

	if (!rc)
		rc = weir_buffer_append(&edges->heap, "", 1);
	if (!rc)
		*ret_at = at;
	return rc;
}

int weir_edges_add(struct weir_edges *edges, const struct weir_cell *cells)
{
	struct weir_edge *edge;
	int rc = 0;

	if (edges->count == WEIR_EDGES_MAX)
		return -E2BIG;
	if (edges->count == edges->room) {
		size_t room = edges->room ? edges->room * 2 : 256;

		edge = reallocarray(edges->edge, room, sizeof(*edge));
		if (!edge)
			return -ENOMEM;
		edges->edge = edge;
		edges->room = room;
	}
	edge = &edges->edge[edges->count];
	for (unsigned i = 0; i < WEIR_EDGE_COLUMNS && !rc; i++)
		rc = put_text(edges, cells[i].text, cells[i].null ? 0 : cells[i].len, &edge->at[i]);
	edges->count += !rc;
	return rc;
}

int weir_edges_set(struct weir_edges *edges, size_t i, enum weir_edge_column column, const char *text, size_t len)
{
	return put_text(edges, text, len, &edges->edge[i].at[column]);
}

const char *weir_edges_text(const struct weir_edges *edges, size_t i, enum weir_edge_column column)
{
	return (const char *)edges->heap.data + edges->edge[i].at[column];
}

uint64_t weir_edges_number(const struct weir_edges *edges, size_t i, enum weir_edge_column column)
{
	return strtoull(weir_edges_text(edges, i, column), NULL, 10);
}

struct weir_cell weir_edges_cell(const struct weir_edges *edges, size_t i, enum weir_edge_column column)
{
	const char *text = weir_edges_text(edges, i, column);

	return (struct weir_cell){.text = text, .len = strlen(text)};
}

int weir_edges_compare(const struct weir_edges *a, size_t i, const struct weir_edges *b, size_t k)
{
	int order = 0;

	for (size_t n = 0; !order && n < sizeof(KEY) / sizeof(KEY[0]); n++)
		order = strcmp(weir_edges_text(a, i, KEY[n]), weir_edges_text(b, k, KEY[n]));
	return order;
}

static int compare(const void *a, const void *b, void *heap)
{
	const struct weir_edge *x = a, *y = b;
	const char *text = heap;
	int order = 0;

	for (size_t n = 0; !order && n < sizeof(KEY) / sizeof(KEY[0]); n++)
		order = strcmp(text + x->at[KEY[n]], text + y->at[KEY[n]]);
	return order;
}

void weir_edges_sort(struct weir_edges *edges)
{
	if (edges->count)
		qsort_r(edges->edge, edges->count, sizeof(*edges->edge), compare, edges->heap.data);
}

/* One line of CSV into cells, in place; quoted fields end on the same line. The number of cells, or -EINVAL. */
static int split_line(char *line, struct weir_cell *cells)
{
	char *in = line, *out = line;
	int count = 0;

	line[strcspn(line, "\r\n")] = '\0';
	for (;;) {
		bool quoted = *in == '"';

		if (count == CELLS_MAX)
			return -EINVAL;
		cells[count].text = out;
		cells[count].null = false;
		in += quoted;
		while (*in && (quoted || *in != ',')) {
			if (quoted && *in == '"' && *++in != '"') {
				quoted = false;
				continue;
			}
			*out++ = *in++;
		}
		if (quoted)
			return -EINVAL;
		cells[count].len = (size_t)(out - cells[count].text);
		count++;
		if (!*in)
			return count;
		in++;
		out++;
	}
}

/* Where each column of an edge stands in the file's lines. */
static int find_columns(const struct weir_cell *head, int heads, unsigned *place, const char *name, struct weir_error *err)
{
	for (unsigned i = 0; i < WEIR_EDGE_COLUMNS; i++) {
		int k = 0;

		while (k < heads && (strlen(weir_edge_columns[i].name) != head[k].len ||
				     memcmp(weir_edge_columns[i].name, head[k].text, head[k].len) != 0))
			k++;
		if (k == heads)
			return weir_error_set(err, -EINVAL, name, "it must be what `weir matrix --format csv` wrote", "there is no column %s",
					      weir_edge_columns[i].name);
		place[i] = (unsigned)k;
	}
	return 0;
}

int weir_edges_read(struct weir_edges *edges, FILE *file, const char *name, struct weir_error *err)
{
	struct weir_cell cells[CELLS_MAX], row[WEIR_EDGE_COLUMNS];
	unsigned place[WEIR_EDGE_COLUMNS];
	size_t size = 0;
	char *line = NULL;
	int heads = 0;
	int rc = 0;

	for (unsigned number = 1; !rc && getline(&line, &size, file) > 0; number++) {
		int count = split_line(line, cells);

		if (count < 0 || (heads && count != heads)) {
			rc = weir_error_set(err, -EINVAL, name, NULL, "line %u is no row of the matrix", number);
		} else if (!heads) {
			heads = count;
			rc = find_columns(cells, heads, place, name, err);
		} else {
			for (unsigned i = 0; i < WEIR_EDGE_COLUMNS; i++)
				row[i] = cells[place[i]];
			rc = weir_edges_add(edges, row);
			if (rc)
				(void)weir_error_set(err, rc, name, NULL, rc == -E2BIG ? "it has more than %u edges" : "out of memory (%u)",
						     WEIR_EDGES_MAX);
		}
	}
	if (!rc && ferror(file))
		rc = weir_error_set(err, -EIO, name, NULL, "it cannot be read");
	if (!rc && !heads)
		rc = weir_error_set(err, -EINVAL, name, NULL, "it is empty");
	free(line);
	return rc;
}
