/* Migrations: see migrate.h for the promise. The order is: database, schema_migrations, the files of sql/schema
 * that are not recorded, missing columns, retention. Recording comes after a file's last statement, so a crash
 * between them runs the file again, which its IF NOT EXISTS make harmless. */
#include "store/migrate.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow/column.h"
#include "flow/ddl.h"
#include "store/migrations.h"

#define COLUMNS_PLACEHOLDER "{{flows_columns}}"
/* From two days on, whole days are dropped when their last flow is too old, which costs nothing; for less the
 * store rewrites its files every few hours. */
#define DROP_WHOLE_DAYS_FROM_S (2 * 86400)

struct migration_run {
	struct weir_client *client; /* borrowed */
	struct weir_error *err;	    /* borrowed */
	struct weir_migrate_result result;
};

static int out_of_memory(struct migration_run *run)
{
	return weir_error_set(run->err, -ENOMEM, NULL, NULL, "out of memory");
}

static int tell(struct migration_run *run, struct weir_buffer *sql, const struct weir_client_setting *settings)
{
	const char *text = weir_buffer_cstr(sql);

	return text ? weir_client_query(run->client, text, settings, 0, NULL, run->err) : out_of_memory(run);
}

/* The answer is lines of tab-separated values; *ret_text lives as long as the buffer. */
static int ask(struct migration_run *run, const char *sql, struct weir_buffer *answer, const char **ret_text)
{
	int rc;

	weir_buffer_reset(answer);
	rc = weir_client_query(run->client, sql, NULL, 0, answer, run->err);
	if (rc)
		return rc;
	*ret_text = weir_buffer_cstr(answer);
	return *ret_text ? 0 : out_of_memory(run);
}

static bool has_line(const char *text, const char *line)
{
	size_t len = strlen(line);

	for (const char *p = text; p && *p; p = strchr(p, '\n'), p += p ? 1 : 0) {
		if (strncmp(p, line, len) == 0 && (p[len] == '\n' || p[len] == '\0'))
			return true;
	}
	return false;
}

/* The name goes into statements as it is. */
static bool is_identifier(const char *name)
{
	if (!isalpha((unsigned char)*name) && *name != '_')
		return false;
	while (isalnum((unsigned char)*name) || *name == '_')
		name++;
	return *name == '\0';
}

/* The client names its database in every call, and the store refuses a call that names one that is missing. */
static int create_database(struct migration_run *run)
{
	static const struct weir_client_setting nowhere[] = {{"database", ""}, {NULL, NULL}};
	const char *name = weir_client_database(run->client);
	struct weir_buffer sql;
	int rc;

	if (!is_identifier(name)) {
		return weir_error_set(run->err, -EINVAL, "store.database", "use letters, digits and _",
				      "\"%s\" cannot be the name of a database", name);
	}
	weir_buffer_init(&sql);
	rc = weir_buffer_printf(&sql, "CREATE DATABASE IF NOT EXISTS %s", name);
	rc = rc ? out_of_memory(run) : tell(run, &sql, nowhere);
	weir_buffer_done(&sql);
	return rc;
}

static int create_record(struct migration_run *run)
{
	return weir_client_query(run->client,
				 "CREATE TABLE IF NOT EXISTS schema_migrations (number UInt32, name String, "
				 "applied DateTime('UTC') DEFAULT now()) ENGINE = MergeTree ORDER BY number",
				 NULL, 0, NULL, run->err);
}

static const char *skip_blanks_and_comments(const char *p)
{
	for (;;) {
		while (isspace((unsigned char)*p))
			p++;
		if (p[0] != '-' || p[1] != '-')
			return p;
		p += strcspn(p, "\n");
	}
}

static bool ends_line(const char *p)
{
	while (*p == ' ' || *p == '\t' || *p == '\r')
		p++;
	return *p == '\n' || *p == '\0';
}

size_t weir_migrate_statement(const char **at, const char **ret_start)
{
	for (;;) {
		const char *start = skip_blanks_and_comments(*at);
		const char *end = start;

		while (*end && !(*end == ';' && ends_line(end + 1)))
			end++;
		*at = *end ? end + 1 : end;
		if (end > start) {
			*ret_start = start;
			return (size_t)(end - start);
		}
		if (!*end)
			return 0;
	}
}

static int append_statement(struct weir_buffer *sql, const char *start, size_t len)
{
	const char *mark = memmem(start, len, COLUMNS_PLACEHOLDER, strlen(COLUMNS_PLACEHOLDER));
	size_t before = mark ? (size_t)(mark - start) : len;
	int rc = weir_buffer_append(sql, start, before);

	if (rc || !mark)
		return rc;
	rc = weir_ddl_columns(sql);
	mark += strlen(COLUMNS_PLACEHOLDER);
	return rc ? rc : weir_buffer_append(sql, mark, (size_t)(start + len - mark));
}

static int apply(struct migration_run *run, const struct weir_migration *migration)
{
	const char *at = migration->sql;
	const char *start = NULL;
	struct weir_buffer sql;
	size_t len;
	int rc = 0;

	weir_buffer_init(&sql);
	while (!rc && (len = weir_migrate_statement(&at, &start)) > 0) {
		weir_buffer_reset(&sql);
		rc = append_statement(&sql, start, len) ? out_of_memory(run) : tell(run, &sql, NULL);
	}
	if (!rc) {
		weir_buffer_reset(&sql);
		rc = weir_buffer_printf(&sql, "INSERT INTO schema_migrations (number, name) SELECT %u, '%s'",
					migration->number, migration->name);
		rc = rc ? out_of_memory(run) : tell(run, &sql, NULL);
	}
	weir_buffer_done(&sql);
	return rc;
}

static int add_column(struct migration_run *run, unsigned index)
{
	struct weir_buffer sql;
	int rc;

	weir_buffer_init(&sql);
	rc = weir_buffer_text(&sql, "ALTER TABLE flows ADD COLUMN IF NOT EXISTS ");
	if (!rc)
		rc = weir_ddl_column(index, &sql);
	rc = rc ? out_of_memory(run) : tell(run, &sql, NULL);
	weir_buffer_done(&sql);
	return rc;
}

static int add_columns(struct migration_run *run)
{
	struct weir_buffer answer;
	char sql[256];
	const char *names = NULL;
	int rc;

	(void)snprintf(sql, sizeof(sql),
		       "SELECT name FROM system.columns WHERE database = '%s' AND table = 'flows' FORMAT TSV",
		       weir_client_database(run->client));
	weir_buffer_init(&answer);
	rc = ask(run, sql, &answer, &names);
	for (unsigned i = 0; !rc && i <= WEIR_COLUMNS; i++) {
		if (has_line(names, i < WEIR_COLUMNS ? weir_columns[i].name : "extra"))
			continue;
		rc = add_column(run, i);
		run->result.columns += rc == 0;
	}
	weir_buffer_done(&answer);
	return rc;
}

static int apply_all(struct migration_run *run)
{
	struct weir_buffer answer;
	const char *applied = NULL;
	int rc;

	weir_buffer_init(&answer);
	rc = ask(run, "SELECT DISTINCT number FROM schema_migrations ORDER BY number FORMAT TSV", &answer, &applied);
	for (const char *p = applied; !rc && p && *p; p = strchr(p, '\n'), p += p ? 1 : 0)
		run->result.newest = (unsigned)strtoul(p, NULL, 10);
	for (const struct weir_migration *m = weir_migrations; !rc && m->number; m++) {
		char number[16];

		(void)snprintf(number, sizeof(number), "%u", m->number);
		if (has_line(applied, number))
			continue;
		/* A later migration may build on columns that the table made by an earlier program has not yet. */
		if (m != weir_migrations)
			rc = add_columns(run);
		if (rc)
			break;
		rc = apply(run, m);
		if (rc)
			break;
		run->result.migrations++;
		if (m->number > run->result.newest)
			run->result.newest = m->number;
	}
	weir_buffer_done(&answer);
	return rc;
}

static int set_retention(struct migration_run *run, const char *table, const char *time, uint64_t retention_s)
{
	struct weir_buffer answer;
	char sql[256];
	char wanted[128];
	const char *engine = NULL;
	int rc;

	(void)snprintf(sql, sizeof(sql),
		       "SELECT engine_full FROM system.tables WHERE database = '%s' AND name = '%s' FORMAT TSVRaw",
		       weir_client_database(run->client), table);
	(void)snprintf(wanted, sizeof(wanted), "toDateTime(%s) + toIntervalSecond(%" PRIu64 ")", time, retention_s);
	weir_buffer_init(&answer);
	rc = ask(run, sql, &answer, &engine);
	if (rc || (retention_s ? strstr(engine, wanted) != NULL : !strstr(engine, " TTL "))) {
		weir_buffer_done(&answer);
		return rc;
	}
	weir_buffer_reset(&answer);
	if (retention_s)
		rc = weir_buffer_printf(&answer, "ALTER TABLE %s MODIFY SETTING ttl_only_drop_parts = %d", table,
					retention_s >= DROP_WHOLE_DAYS_FROM_S);
	else
		rc = weir_buffer_printf(&answer, "ALTER TABLE %s REMOVE TTL", table);
	rc = rc ? out_of_memory(run) : tell(run, &answer, NULL);
	if (!rc && retention_s) {
		weir_buffer_reset(&answer);
		rc = weir_buffer_printf(&answer, "ALTER TABLE %s MODIFY TTL %s", table, wanted);
		rc = rc ? out_of_memory(run) : tell(run, &answer, NULL);
	}
	run->result.retentions += rc == 0;
	weir_buffer_done(&answer);
	return rc;
}

static const struct {
	const char *table;
	const char *time;
	size_t seconds; /* offset of the uint64_t in struct weir_migrate_options */
} RETENTIONS[] = {
	{"flows",            "time_received", offsetof(struct weir_migrate_options, flows_retention_s)},
	{"flows_1m",         "minute",        offsetof(struct weir_migrate_options, rollup_retention_s)},
	{"flows_1h",         "hour",          offsetof(struct weir_migrate_options, rollup_retention_s)},
	{"flows_1m_by",      "minute",        offsetof(struct weir_migrate_options, rollup_retention_s)},
	{"flows_1h_by",      "hour",          offsetof(struct weir_migrate_options, rollup_retention_s)},
	{"exporter_options", "time",          offsetof(struct weir_migrate_options, rollup_retention_s)},
	{"counters",         "time",          offsetof(struct weir_migrate_options, rollup_retention_s)},
	{"events",           "hour",          offsetof(struct weir_migrate_options, rollup_retention_s)},
	{"matrix_1h",        "hour",          offsetof(struct weir_migrate_options, rollup_retention_s)},
	{"matrix_1d",        "day",           offsetof(struct weir_migrate_options, rollup_retention_s)},
};

int weir_migrate(struct weir_client *client, const struct weir_migrate_options *options,
		 struct weir_migrate_result *ret_result, struct weir_error *err)
{
	struct migration_run run = {.client = client, .err = err};
	int rc = create_database(&run);

	if (!rc)
		rc = create_record(&run);
	if (!rc)
		rc = apply_all(&run);
	if (!rc)
		rc = add_columns(&run);
	for (size_t i = 0; !rc && i < sizeof(RETENTIONS) / sizeof(RETENTIONS[0]); i++)
		rc = set_retention(&run, RETENTIONS[i].table, RETENTIONS[i].time,
				   *(const uint64_t *)(const void *)((const char *)options + RETENTIONS[i].seconds));
	if (!rc && ret_result)
		*ret_result = run.result;
	return rc;
}
