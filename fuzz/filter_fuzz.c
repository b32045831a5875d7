/* Any text as a filter: it is parsed to SQL for all tables, or refused with a place inside the text. */
#include <stdlib.h>
#include <string.h>

#include "query/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The SQL must be one expression: quotes closed, parentheses paired, and no way to end the statement. */
static void check_sql(const char *sql)
{
	int depth = 0;
	int quoted = 0;

	for (const char *p = sql; *p; p++) {
		if (*p == '\'')
			quoted = !quoted;
		else if (quoted && *p == '\\' && p[1] != 'x')
			abort();
		else if (!quoted && (*p == ';' || *p == '-' || *p == '#' || *p == '"' || *p == '`'))
			if (*p != '-' || p[1] == '-')
				abort();
		if (!quoted)
			depth += (*p == '(') - (*p == ')');
		if (depth < 0)
			abort();
	}
	if (quoted || depth)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct weir_filter_mistake mistake = {SIZE_MAX, 0};
	struct weir_filter *filter = NULL;
	struct weir_error err = {0};
	struct weir_buffer out;

	weir_buffer_init(&out);
	if (weir_filter_parse((const char *)data, size, INT64_C(1769860800000), &filter, &mistake, &err)) {
		if (mistake.at > size || !*err.what)
			abort();
		if (weir_filter_caret((const char *)data, size, &mistake, &out))
			abort();
		for (size_t i = 0; i < out.len; i++) {
			if ((out.data[i] < 0x20 && out.data[i] != '\n') || out.data[i] == 0x7f)
				abort();
		}
	} else {
		for (int table = WEIR_FILTER_FLOWS; table <= WEIR_FILTER_MATRIX_ADDRESSES; table++) {
			weir_buffer_reset(&out);
			if (weir_filter_sql(filter, (enum weir_filter_table)table, &out) == 0)
				check_sql(weir_buffer_cstr(&out));
		}
	}
	weir_filter_free(filter);
	weir_buffer_done(&out);
	return 0;
}
