#include "cli/rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/query.h"
#include "query/report.h"

#define SETTINGS_MAX 32

/* Rows through weir's own output; the columns are known when the answer begins. */
struct answer {
	struct weir_output_options options;
	struct weir_output *output;
	struct weir_output_column *column; /* owned */
	char **name;			   /* owned, each too */
	unsigned count;
	uint64_t rows;
};

static void answer_done(struct answer *a)
{
	weir_output_free(a->output);
	for (unsigned i = 0; a->name && i < a->count; i++)
		free(a->name[i]);
	free(a->name);
	free(a->column);
}

static int take_header(void *ctx, const struct weir_cell *names, const struct weir_cell *types, unsigned count)
{
	struct answer *a = ctx;

	a->count = count;
	a->name = calloc(count, sizeof(*a->name));
	a->column = calloc(count, sizeof(*a->column));
	if (!a->name || !a->column)
		return -ENOMEM;
	for (unsigned i = 0; i < count; i++) {
		a->name[i] = strndup(names[i].text, names[i].len);
		if (!a->name[i])
			return -ENOMEM;
		a->column[i].name = a->name[i];
		a->column[i].kind = weir_kind_of_type(types[i].text, types[i].len);
	}
	return weir_output_new(&a->options, a->column, count, &a->output);
}

static int take_row(void *ctx, const struct weir_cell *cells, unsigned count, bool totals)
{
	struct answer *a = ctx;

	(void)count, (void)totals;
	a->rows++;
	return weir_output_row(a->output, cells);
}

int weir_rows_ask(struct weir_client *client, const char *sql, const struct weir_client_setting *settings, enum weir_format format,
		  bool write, uint64_t *ret_rows, struct weir_error *err)
{
	struct weir_client_setting all[SETTINGS_MAX] = {{"default_format", "TabSeparatedWithNamesAndTypes"}};
	struct answer a = {.options = weir_query_output(format)};
	struct weir_tsv_sink sink = {.header = take_header, .row = take_row, .ctx = &a};
	struct weir_tsv tsv = {0};
	int rc = weir_tsv_init(&tsv, &sink);

	for (unsigned i = 0; settings && settings[i].name && i + 2 < SETTINGS_MAX; i++)
		all[i + 1] = settings[i];
	if (!rc)
		rc = weir_client_stream(client, sql, all, !write, weir_tsv_feed, &tsv, err);
	if (!rc)
		rc = weir_tsv_end(&tsv);
	if (!rc && a.output)
		rc = weir_output_end(a.output);
	if (!rc && ret_rows)
		*ret_rows = a.rows;
	weir_tsv_done(&tsv);
	answer_done(&a);
	return rc;
}
