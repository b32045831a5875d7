/* Edges of the flow matrix in memory: as the store tells them or as a file has them (what `weir matrix --format csv` wrote), compared,
 * and written as graphs. Bounded by WEIR_EDGES_MAX; owned by the caller, one thread. */
#ifndef WEIR_QUERY_EDGES_H
#define WEIR_QUERY_EDGES_H

#include <stdio.h>

#include "query/output.h"

#define WEIR_EDGES_MAX	  4000000U
#define WEIR_EDGE_COLUMNS 18U

enum weir_edge_column {
	WEIR_EDGE_SRC_ZONE,
	WEIR_EDGE_SRC_SUBNET, /* at the grain of addresses the address */
	WEIR_EDGE_SRC_DESCR,
	WEIR_EDGE_DST_ZONE,
	WEIR_EDGE_DST_SUBNET,
	WEIR_EDGE_DST_DESCR,
	WEIR_EDGE_DIRECTION,
	WEIR_EDGE_PROTOCOL,
	WEIR_EDGE_DST_PORT,
	WEIR_EDGE_SERVICE,
	WEIR_EDGE_CATEGORY,
	WEIR_EDGE_HITS,
	WEIR_EDGE_BYTES,
	WEIR_EDGE_PACKETS,
	WEIR_EDGE_RULE,
	WEIR_EDGE_ACTION,
	WEIR_EDGE_FIRST_SEEN,
	WEIR_EDGE_LAST_SEEN,
};

extern const struct weir_output_column weir_edge_columns[WEIR_EDGE_COLUMNS];

struct weir_edge {
	size_t at[WEIR_EDGE_COLUMNS]; /* in the heap, NUL-terminated */
};

struct weir_edges {
	struct weir_edge *edge; /* owned */
	size_t count;
	size_t room;
	struct weir_buffer heap;
};

void weir_edges_init(struct weir_edges *edges);
void weir_edges_done(struct weir_edges *edges);

/* WEIR_EDGE_COLUMNS cells. -E2BIG beyond the bound, -ENOMEM. */
int weir_edges_add(struct weir_edges *edges, const struct weir_cell *cells) WEIR_MUST_CHECK;
/* A column in place of what the edge had. */
int weir_edges_set(struct weir_edges *edges, size_t i, enum weir_edge_column column, const char *text, size_t len) WEIR_MUST_CHECK;

/* Valid until an edge is added or set. */
const char *weir_edges_text(const struct weir_edges *edges, size_t i, enum weir_edge_column column);
uint64_t weir_edges_number(const struct weir_edges *edges, size_t i, enum weir_edge_column column);
struct weir_cell weir_edges_cell(const struct weir_edges *edges, size_t i, enum weir_edge_column column);

/* A CSV file with these columns, in any order, others beside them (RFC 4180). On a mistake err names file and line. */
int weir_edges_read(struct weir_edges *edges, FILE *file, const char *name, struct weir_error *err) WEIR_MUST_CHECK;

/* In the order of who, to whom, over what, judged how: what makes two edges of two matrices the same one. */
void weir_edges_sort(struct weir_edges *edges);
int weir_edges_compare(const struct weir_edges *a, size_t i, const struct weir_edges *b, size_t k);

/* Graphs: networks are the nodes. Text is in each form's own quotes. */
enum weir_edge_form { WEIR_EDGE_DOT, WEIR_EDGE_GRAPHML, WEIR_EDGE_NEO4J, WEIR_EDGE_FORMS };
/* By name: "dot", "graphml", "neo4j"; -1 for another. */
int weir_edge_form_find(const char *name);
int weir_edges_graph(const struct weir_edges *edges, enum weir_edge_form form, int (*put)(void *ctx, const void *data, size_t len),
		     void *ctx) WEIR_MUST_CHECK;

#endif
