/* Edges as graphs for other programs: Graphviz, GraphML (Gephi, yEd, NetworkX) and Cypher statements of Neo4j.
 *
 * Names are a person's or a file's: in each form they stand in its own quotes, and what is not printable as '?'. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "flow/protocol.h"
#include "query/edges.h"
#include "query/human.h"
#include "query/printable.h"

struct node {
	const char *zone, *subnet, *descr; /* in the edges' heap */
};

struct graph {
	const struct weir_edges *edges;
	struct node *node; /* owned; sorted, each once */
	size_t nodes;
	struct weir_buffer out;
	int (*put)(void *ctx, const void *data, size_t len);
	void *ctx;
};

static int compare(const void *a, const void *b)
{
	const struct node *x = a, *y = b;
	int order = strcmp(x->zone, y->zone);

	return order ? order : strcmp(x->subnet, y->subnet);
}

static struct node node_of(const struct weir_edges *edges, size_t i, bool dst)
{
	return (struct node){
		.zone = weir_edges_text(edges, i, dst ? WEIR_EDGE_DST_ZONE : WEIR_EDGE_SRC_ZONE),
		.subnet = weir_edges_text(edges, i, dst ? WEIR_EDGE_DST_SUBNET : WEIR_EDGE_SRC_SUBNET),
		.descr = weir_edges_text(edges, i, dst ? WEIR_EDGE_DST_DESCR : WEIR_EDGE_SRC_DESCR),
	};
}

static int find_nodes(struct graph *g)
{
	size_t kept = 0;

	g->node = calloc(g->edges->count ? g->edges->count * 2 : 1, sizeof(*g->node));
	if (!g->node)
		return -ENOMEM;
	for (size_t i = 0; i < g->edges->count; i++) {
		g->node[2 * i] = node_of(g->edges, i, false);
		g->node[2 * i + 1] = node_of(g->edges, i, true);
	}
	qsort(g->node, g->edges->count * 2, sizeof(*g->node), compare);
	for (size_t i = 0; i < g->edges->count * 2; i++) {
		if (!kept || compare(&g->node[kept - 1], &g->node[i]) != 0)
			g->node[kept++] = g->node[i];
	}
	g->nodes = kept;
	return 0;
}

static size_t number_of(const struct graph *g, size_t i, bool dst)
{
	struct node node = node_of(g->edges, i, dst);

	return (size_t)((struct node *)bsearch(&node, g->node, g->nodes, sizeof(node), compare) - g->node);
}

/* What stands for a character that a form wants in other words; NULL: itself. */
static const char *in_dot(char c)
{
	return c == '"' ? "\\\"" : c == '\\' ? "\\\\" : NULL;
}

static const char *in_xml(char c)
{
	return c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '"' ? "&quot;" : NULL;
}

static const char *in_cypher(char c)
{
	return c == '\'' ? "\\'" : c == '\\' ? "\\\\" : NULL;
}

static int put_quoted(struct graph *g, const char *text, const char *(*instead)(char c))
{
	size_t len = strlen(text);
	size_t at = 0;
	int rc = 0;

	while (!rc && at < len) {
		size_t from = at;
		bool printable = weir_printable_next(text, len, &at) > 0;
		const char *other = printable ? instead(text[from]) : "?";

		rc = other ? weir_buffer_text(&g->out, other) : weir_buffer_append(&g->out, text + from, at - from);
	}
	return rc;
}

static int flush(struct graph *g, size_t from)
{
	int rc;

	if (g->out.len <= from)
		return 0;
	rc = g->put(g->ctx, g->out.data, g->out.len);
	weir_buffer_reset(&g->out);
	return rc;
}

static const char *proto_name(const struct weir_edges *edges, size_t i)
{
	const char *name = weir_protocol_name((unsigned)weir_edges_number(edges, i, WEIR_EDGE_PROTOCOL));

	return name ? name : weir_edges_text(edges, i, WEIR_EDGE_PROTOCOL);
}

static const char *shown(const struct node *node)
{
	if (*node->subnet)
		return node->subnet;
	return *node->zone ? node->zone : "elsewhere";
}

static int dot_node(struct graph *g, size_t i)
{
	const struct node *node = &g->node[i];
	int rc = weir_buffer_printf(&g->out, "  n%zu [label=\"", i);

	if (!rc)
		rc = put_quoted(g, shown(node), in_dot);
	if (!rc && *node->subnet && *node->zone) {
		rc = weir_buffer_text(&g->out, "\\n");
		if (!rc)
			rc = put_quoted(g, node->zone, in_dot);
	}
	if (!rc && *node->descr) {
		rc = weir_buffer_text(&g->out, "\\n");
		if (!rc)
			rc = put_quoted(g, node->descr, in_dot);
	}
	return rc ? rc : weir_buffer_text(&g->out, "\"];\n");
}

static int dot_edge(struct graph *g, size_t i)
{
	const char *action = weir_edges_text(g->edges, i, WEIR_EDGE_ACTION);
	char bytes[WEIR_HUMAN_MAX];
	int rc = weir_buffer_printf(&g->out, "  n%zu -> n%zu [label=\"", number_of(g, i, false), number_of(g, i, true));

	(void)weir_human_number((double)weir_edges_number(g->edges, i, WEIR_EDGE_BYTES), "B", bytes);
	if (!rc)
		rc = put_quoted(g, proto_name(g->edges, i), in_dot);
	if (!rc)
		rc = weir_buffer_printf(&g->out, "/%" PRIu64 " ", weir_edges_number(g->edges, i, WEIR_EDGE_DST_PORT));
	if (!rc)
		rc = put_quoted(g, weir_edges_text(g->edges, i, WEIR_EDGE_SERVICE), in_dot);
	return rc ? rc : weir_buffer_printf(&g->out, "\\n%s\"%s];\n", bytes,
					    strcmp(action, "deny") == 0 ? ", color=red" : strcmp(action, "alert") == 0 ? ", color=orange" : "");
}

static int xml_data(struct graph *g, const char *key, const char *text)
{
	int rc = weir_buffer_printf(&g->out, "<data key=\"%s\">", key);

	if (!rc)
		rc = put_quoted(g, text, in_xml);
	return rc ? rc : weir_buffer_text(&g->out, "</data>");
}

static int graphml_head(struct graph *g)
{
	int rc = weir_buffer_text(&g->out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
					   "<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\">\n"
					   "<key id=\"zone\" for=\"node\" attr.name=\"zone\" attr.type=\"string\"/>\n"
					   "<key id=\"subnet\" for=\"node\" attr.name=\"subnet\" attr.type=\"string\"/>\n"
					   "<key id=\"descr\" for=\"node\" attr.name=\"descr\" attr.type=\"string\"/>\n");

	for (unsigned i = WEIR_EDGE_DIRECTION; !rc && i < WEIR_EDGE_COLUMNS; i++)
		rc = weir_buffer_printf(&g->out, "<key id=\"%s\" for=\"edge\" attr.name=\"%s\" attr.type=\"%s\"/>\n", weir_edge_columns[i].name,
					weir_edge_columns[i].name,
					i == WEIR_EDGE_HITS || i == WEIR_EDGE_BYTES || i == WEIR_EDGE_PACKETS ? "long" : "string");
	return rc ? rc : weir_buffer_text(&g->out, "<graph id=\"matrix\" edgedefault=\"directed\">\n");
}

static int graphml_node(struct graph *g, size_t i)
{
	int rc = weir_buffer_printf(&g->out, "<node id=\"n%zu\">", i);

	if (!rc)
		rc = xml_data(g, "zone", g->node[i].zone);
	if (!rc)
		rc = xml_data(g, "subnet", g->node[i].subnet);
	if (!rc)
		rc = xml_data(g, "descr", g->node[i].descr);
	return rc ? rc : weir_buffer_text(&g->out, "</node>\n");
}

static int graphml_edge(struct graph *g, size_t i)
{
	int rc = weir_buffer_printf(&g->out, "<edge source=\"n%zu\" target=\"n%zu\">", number_of(g, i, false), number_of(g, i, true));

	for (unsigned c = WEIR_EDGE_DIRECTION; !rc && c < WEIR_EDGE_COLUMNS; c++)
		rc = xml_data(g, weir_edge_columns[c].name,
			      c == WEIR_EDGE_PROTOCOL ? proto_name(g->edges, i) : weir_edges_text(g->edges, i, c));
	return rc ? rc : weir_buffer_text(&g->out, "</edge>\n");
}

/* "{zone: '…', subnet: '…'}" */
static int cypher_key(struct graph *g, const struct node *node)
{
	int rc = weir_buffer_text(&g->out, "{zone: '");

	if (!rc)
		rc = put_quoted(g, node->zone, in_cypher);
	if (!rc)
		rc = weir_buffer_text(&g->out, "', subnet: '");
	if (!rc)
		rc = put_quoted(g, node->subnet, in_cypher);
	return rc ? rc : weir_buffer_text(&g->out, "'}");
}

static int cypher_node(struct graph *g, size_t i)
{
	int rc = weir_buffer_text(&g->out, "MERGE (n:Network ");

	if (!rc)
		rc = cypher_key(g, &g->node[i]);
	if (!rc)
		rc = weir_buffer_text(&g->out, ") SET n.descr = '");
	if (!rc)
		rc = put_quoted(g, g->node[i].descr, in_cypher);
	return rc ? rc : weir_buffer_text(&g->out, "';\n");
}

static int cypher_edge(struct graph *g, size_t i)
{
	int rc = weir_buffer_text(&g->out, "MATCH (a:Network ");

	if (!rc)
		rc = cypher_key(g, &g->node[number_of(g, i, false)]);
	if (!rc)
		rc = weir_buffer_text(&g->out, "), (b:Network ");
	if (!rc)
		rc = cypher_key(g, &g->node[number_of(g, i, true)]);
	if (!rc)
		rc = weir_buffer_text(&g->out, ") CREATE (a)-[:TALKS_TO {");
	for (unsigned c = WEIR_EDGE_DIRECTION; !rc && c < WEIR_EDGE_COLUMNS; c++) {
		bool number = c == WEIR_EDGE_DST_PORT || (c >= WEIR_EDGE_HITS && c <= WEIR_EDGE_PACKETS);

		rc = weir_buffer_printf(&g->out, "%s%s: ", c > WEIR_EDGE_DIRECTION ? ", " : "", weir_edge_columns[c].name);
		if (!rc && number)
			rc = weir_buffer_printf(&g->out, "%" PRIu64, weir_edges_number(g->edges, i, c));
		else if (!rc && !(rc = weir_buffer_text(&g->out, "'")) &&
			 !(rc = put_quoted(g, c == WEIR_EDGE_PROTOCOL ? proto_name(g->edges, i) : weir_edges_text(g->edges, i, c), in_cypher)))
			rc = weir_buffer_text(&g->out, "'");
	}
	return rc ? rc : weir_buffer_text(&g->out, "}]->(b);\n");
}

static int dot_head(struct graph *g)
{
	return weir_buffer_text(&g->out, "digraph matrix {\n  rankdir=LR;\n  node [shape=box];\n");
}

static const struct {
	const char *name;
	int (*head)(struct graph *g);
	int (*node)(struct graph *g, size_t i);
	int (*edge)(struct graph *g, size_t i);
	const char *tail;
} FORMS[WEIR_EDGE_FORMS] = {
	[WEIR_EDGE_DOT] = {"dot", dot_head, dot_node, dot_edge, "}\n"},
	[WEIR_EDGE_GRAPHML] = {"graphml", graphml_head, graphml_node, graphml_edge, "</graph>\n</graphml>\n"},
	[WEIR_EDGE_NEO4J] = {"neo4j", NULL, cypher_node, cypher_edge, ""},
};

int weir_edge_form_find(const char *name)
{
	for (int i = 0; i < WEIR_EDGE_FORMS; i++) {
		if (strcmp(FORMS[i].name, name) == 0)
			return i;
	}
	return -1;
}

#define FLUSH_BYTES (64UL * 1024)

int weir_edges_graph(const struct weir_edges *edges, enum weir_edge_form form, int (*put)(void *ctx, const void *data, size_t len), void *ctx)
{
	struct graph g = {.edges = edges, .put = put, .ctx = ctx};
	int rc;

	weir_buffer_init(&g.out);
	rc = find_nodes(&g);
	if (!rc && FORMS[form].head)
		rc = FORMS[form].head(&g);
	for (size_t i = 0; !rc && i < g.nodes; i++) {
		rc = FORMS[form].node(&g, i);
		if (!rc)
			rc = flush(&g, FLUSH_BYTES);
	}
	for (size_t i = 0; !rc && i < edges->count; i++) {
		rc = FORMS[form].edge(&g, i);
		if (!rc)
			rc = flush(&g, FLUSH_BYTES);
	}
	if (!rc)
		rc = weir_buffer_text(&g.out, FORMS[form].tail);
	if (!rc)
		rc = flush(&g, 0);
	weir_buffer_done(&g.out);
	free(g.node);
	return rc;
}
