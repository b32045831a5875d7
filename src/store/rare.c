/* REMOVE ALIAS is a change of the table's definition alone and takes a few milliseconds: parts that are there lack the column,
 * which reads as its type's default, as the alias did. A codec can be given to a column only, not to an alias, so it comes
 * second; whoever is killed between the two leaves a column that takes more space, and nothing worse. */
#include "store/rare.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "flow/column.h"
#include "flow/ddl.h"

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

bool weir_rare_names(const char *text, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = strstr(text, name); p; p = strstr(p + 1, name)) {
		if ((p == text || !is_name_char(p[-1])) && !is_name_char(p[len]))
			return true;
	}
	return false;
}

static int is_alias(struct weir_client *client, const char *name, bool *ret_is, struct weir_error *err)
{
	struct weir_buffer answer;
	char sql[256];
	int rc;

	(void)snprintf(sql, sizeof(sql),
		       "SELECT count() FROM system.columns WHERE database = '%s' AND table = 'flows' AND name = '%s' AND "
		       "default_kind = 'ALIAS' FORMAT TSV",
		       weir_client_database(client), name);
	weir_buffer_init(&answer);
	rc = weir_client_query(client, sql, NULL, 0, &answer, err);
	if (!rc)
		*ret_is = answer.len > 0 && answer.data[0] == '1';
	weir_buffer_done(&answer);
	return rc;
}

static int make(struct weir_client *client, unsigned index, struct weir_error *err)
{
	struct weir_buffer sql;
	char remove[128];
	const char *text;
	int rc;

	(void)snprintf(remove, sizeof(remove), "ALTER TABLE flows MODIFY COLUMN %s REMOVE ALIAS", weir_ddl_column_name(index));
	weir_buffer_init(&sql);
	rc = weir_buffer_printf(&sql, "ALTER TABLE flows MODIFY COLUMN %s ", weir_ddl_column_name(index));
	if (!rc)
		rc = weir_ddl_codec(index, &sql);
	text = rc ? NULL : weir_buffer_cstr(&sql);
	rc = text ? weir_client_query(client, remove, NULL, 0, NULL, err)
		  : weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	if (!rc)
		rc = weir_client_query(client, text, NULL, 0, NULL, err);
	weir_buffer_done(&sql);
	return rc;
}

int weir_rare_make(struct weir_client *client, const char *text, unsigned *ret_made, struct weir_error *err)
{
	unsigned made = 0;
	int rc = 0;

	for (unsigned i = 0; !rc && i <= WEIR_COLUMNS; i++) {
		bool alias = false;

		if (!weir_ddl_is_rare(i) || !weir_rare_names(text, weir_ddl_column_name(i)))
			continue;
		rc = is_alias(client, weir_ddl_column_name(i), &alias, err);
		if (!rc && alias)
			rc = make(client, i, err);
		made += !rc && alias;
	}
	if (!rc)
		*ret_made = made;
	return rc;
}
