/* The functions of libchdb are declared here as far as they are used, so that no header of it is needed to build.
 *
 * The library keeps the engine for as long as one connection is open: the one that weir_chdb_open() makes. Its
 * configuration comes from a file; without one it would read config.xml of whatever folder it runs in. Its crash
 * handler is switched off, for it can hang for minutes where a restart takes one second. */
#include "store/chdb.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIBCHDB_VERSION "26.5.3"
#define CACHED		"weir/libchdb-" LIBCHDB_VERSION "/libchdb.so" /* by tools/fetch-libchdb */
#define CODE_UNKNOWN	1002 /* UNKNOWN_EXCEPTION */
#define MISSING_NEXT	"run tools/setup store, or set store.url to a ClickHouse server"

struct handle; /* libchdb's chdb_connection points to one */
struct answer; /* libchdb's chdb_result */

/* The entry points, by name. */
#define FUNCTIONS(X)                                                                                            \
	X(connect, struct handle **, "chdb_connect", int argc, char **argv)                                     \
	X(close, void, "chdb_close_conn", struct handle **connection)                                           \
	X(query, struct answer *, "chdb_query_n", struct handle *connection, const char *sql, size_t len,       \
	  const char *format, size_t format_len)                                                                \
	X(destroy, void, "chdb_destroy_query_result", struct answer *answer)                                    \
	X(data, const char *, "chdb_result_buffer", struct answer *answer)                                      \
	X(length, size_t, "chdb_result_length", struct answer *answer)                                          \
	X(error, const char *, "chdb_result_error", struct answer *answer)                                      \
	X(rows_read, uint64_t, "chdb_result_storage_rows_read", struct answer *answer)                          \
	X(bytes_read, uint64_t, "chdb_result_storage_bytes_read", struct answer *answer)                        \
	X(rows_written, uint64_t, "chdb_result_rows_written", struct answer *answer)                            \
	X(bytes_written, uint64_t, "chdb_result_bytes_written", struct answer *answer)                          \
	X(set_signal_handlers, void, "chdb_set_signal_handlers_enabled", int enabled)

struct weir_chdb {
	void *library;
#define MEMBER(name, type, symbol, ...) type (*name)(__VA_ARGS__);
	FUNCTIONS(MEMBER)
#undef MEMBER
	char *path_argument;
	char *config_argument;
	struct handle **first; /* keeps the engine open */
	char version[32];
	char said[256]; /* the first line of what the engine wrote to stderr while it started */
};

struct weir_chdb_connection {
	struct weir_chdb *chdb; /* borrowed */
	struct handle **handle;
};

/* --- finding and loading ---------------------------------------------------------------------------------- */

static bool is_readable(const char *path)
{
	return access(path, R_OK) == 0;
}

static int try_path(const char *folder, const char *file, char **ret_path)
{
	char *path = NULL;

	if (asprintf(&path, "%s/%s", folder, file) < 0)
		return -ENOMEM;
	if (!is_readable(path)) {
		free(path);
		return -ENOENT;
	}
	*ret_path = path;
	return 0;
}

static int beside_program(char **ret_path)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n < 0)
		return -ENOENT;
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (!slash)
		return -ENOENT;
	*slash = '\0';
	return try_path(self, "libchdb.so", ret_path);
}

int weir_chdb_find(const char *configured, char **ret_path, struct weir_error *err)
{
	const char *named = configured && *configured ? configured : getenv("WEIR_LIBCHDB");
	const char *cache = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");
	int rc;

	if (named && *named) {
		if (!is_readable(named))
			return weir_error_set(err, -errno, configured && *configured ? "store.library" : "$WEIR_LIBCHDB",
					      MISSING_NEXT, "the embedded store's library cannot be read: %s: %s", named,
					      strerror(errno));
		*ret_path = strdup(named);
		return *ret_path ? 0 : weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	}
	rc = cache && *cache ? try_path(cache, CACHED, ret_path) : -ENOENT;
	if (rc && home && *home)
		rc = try_path(home, ".cache/" CACHED, ret_path);
	if (rc)
		rc = try_path("/usr/lib/weir", "libchdb.so", ret_path);
	if (rc)
		rc = beside_program(ret_path);
	if (rc)
		return weir_error_set(err, rc, NULL, MISSING_NEXT,
				      "the embedded store's library, libchdb.so, is not installed");
	return 0;
}

static int load(struct weir_chdb *chdb, const char *path, struct weir_error *err)
{
	chdb->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!chdb->library)
		return weir_error_set(err, -ENOEXEC, path, MISSING_NEXT, "this is not a libchdb that runs here: %s", dlerror());
#define LOAD(name, type, symbol, ...)                                                                            \
	*(void **)&chdb->name = dlsym(chdb->library, symbol);                                                    \
	if (!chdb->name)                                                                                         \
		return weir_error_set(err, -ENOEXEC, path, MISSING_NEXT, "this libchdb is of another version: "  \
				      symbol "() is missing");
	FUNCTIONS(LOAD)
#undef LOAD
	return 0;
}

/* --- configuration ---------------------------------------------------------------------------------------- */

static int append_xml(struct weir_buffer *out, const char *text)
{
	int rc = 0;

	for (; !rc && *text; text++) {
		if (*text == '&' || *text == '<' || *text == '>')
			rc = weir_buffer_printf(out, "&#%d;", *text);
		else
			rc = weir_buffer_append(out, text, 1);
	}
	return rc;
}

static bool has_text(const char *path, const struct weir_buffer *text)
{
	uint8_t part[4096];
	size_t at = 0;
	ssize_t n = 1;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	while (fd >= 0 && (n = read(fd, part, sizeof(part))) > 0) {
		if ((size_t)n > text->len - at || memcmp(part, text->data + at, (size_t)n) != 0)
			break;
		at += (size_t)n;
	}
	if (fd >= 0)
		(void)close(fd);
	return fd >= 0 && n == 0 && at == text->len;
}

/* What is there already is not written again, so that the store starts on a full disk, too. */
static int write_file(const char *folder, const char *name, const struct weir_buffer *text, struct weir_error *err)
{
	char path[4096];
	ssize_t n = -1;
	int fd;
	int code = ENOSPC; /* of a write that was cut short */

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (has_text(path, text))
		return 0;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd >= 0)
		n = write(fd, text->data, text->len);
	if (n < 0)
		code = errno;
	if (fd >= 0 && close(fd) != 0 && n == (ssize_t)text->len) {
		code = errno;
		n = -1;
	}
	if (n != (ssize_t)text->len)
		return weir_error_set(err, -code, path, "check the folder's owner and the disk's space",
				      "cannot be written: %s", strerror(code));
	return 0;
}

/* Durable parts: a segment is deleted from the spool once it is stored, so it must be on the disk by then.
 *
 * No statistics of columns, which the engine would make when it merges: they serve joins, of which there are none here, and
 * take 0.3 of 2.5 microseconds of processor a flow and 0.46 of 17.5 bytes.
 *
 * Merges give way to inserts and questions, for they can wait: beside others that want the processors they get a tenth. */
static int write_config(const struct weir_chdb_options *options, struct weir_error *err)
{
	uint64_t memory = options->memory_max_bytes;
	struct weir_buffer text;
	int rc;

	weir_buffer_init(&text);
	rc = weir_buffer_text(&text, "<clickhouse>\n <users_config>");
	if (!rc)
		rc = append_xml(&text, options->folder);
	if (!rc)
		rc = weir_buffer_printf(&text,
					"/users.xml</users_config>\n"
					" <max_server_memory_usage>%" PRIu64 "</max_server_memory_usage>\n"
					" <mark_cache_size>%" PRIu64 "</mark_cache_size>\n"
					" <primary_index_cache_size>%" PRIu64 "</primary_index_cache_size>\n"
					" <os_threads_nice_value_merge_mutate>10</os_threads_nice_value_merge_mutate>\n"
					" <merge_tree>\n"
					"  <auto_statistics_types></auto_statistics_types>\n"
					"  <fsync_after_insert>1</fsync_after_insert>\n"
					"  <fsync_part_directory>1</fsync_part_directory>\n"
					"  <min_compressed_bytes_to_fsync_after_merge>1</min_compressed_bytes_to_fsync_after_merge>\n"
					" </merge_tree>\n"
					"</clickhouse>\n",
					memory, memory / 8, memory / 8);
	rc = rc ? weir_error_set(err, rc, NULL, NULL, "out of memory")
		: write_file(options->folder, "config.xml", &text, err);
	weir_buffer_done(&text);
	return rc;
}

/* The one user. What is not granted: sources outside (FILE, URL, REMOTE, MYSQL …), other engines than the
 * MergeTree family and views, users, backups, shutting down. */
static int write_users(const struct weir_chdb_options *options, struct weir_error *err)
{
	uint64_t memory = options->memory_max_bytes / 10 * 7;
	struct weir_buffer text;
	int rc;

	weir_buffer_init(&text);
	rc = weir_buffer_printf(&text,
				"<clickhouse>\n"
				" <profiles><default>\n"
				"  <implicit_select>0</implicit_select>\n"
				"  <max_query_size>1048576</max_query_size>\n"
				"  <max_memory_usage>%" PRIu64 "</max_memory_usage>\n"
				"  <max_bytes_before_external_group_by>%" PRIu64 "</max_bytes_before_external_group_by>\n"
				"  <max_bytes_before_external_sort>%" PRIu64 "</max_bytes_before_external_sort>\n"
				" </default></profiles>\n"
				" <users><default>\n"
				"  <password></password>\n"
				"  <networks><ip>::/0</ip></networks>\n"
				"  <profile>default</profile>\n"
				"  <quota>default</quota>\n"
				"  <grants><query>GRANT SHOW, SELECT, INSERT, ALTER, CREATE, DROP, UNDROP TABLE, TRUNCATE, "
				"OPTIMIZE, CHECK, KILL QUERY, SYSTEM MERGES, SYSTEM TTL MERGES, SYSTEM FLUSH, SYSTEM DROP CACHE, "
				"dictGet ON *.*</query></grants>\n"
				" </default></users>\n"
				" <quotas><default></default></quotas>\n"
				"</clickhouse>\n",
				memory, memory / 2, memory / 2);
	rc = rc ? weir_error_set(err, rc, NULL, NULL, "out of memory")
		: write_file(options->folder, "users.xml", &text, err);
	weir_buffer_done(&text);
	return rc;
}

/* --- the engine ------------------------------------------------------------------------------------------- */

static struct handle **connect_engine(struct weir_chdb *chdb)
{
	char program[] = "weir";
	char *argv[] = {program, chdb->path_argument, chdb->config_argument, NULL};
	struct handle **handle = chdb->connect(3, argv);

	if (handle && !*handle) {
		chdb->close(handle);
		handle = NULL;
	}
	return handle;
}

/* Where stderr went before, and a file in its place; -1 where there is no such file, and nothing is changed. */
static int divert_stderr(int *ret_file)
{
	int file = memfd_create("weir-store-start", MFD_CLOEXEC);
	int before = file < 0 ? -1 : fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);

	if (before >= 0 && dup2(file, STDERR_FILENO) < 0) {
		(void)close(before);
		before = -1;
	}
	if (before < 0 && file >= 0)
		(void)close(file);
	*ret_file = file;
	return before;
}

static void copy_to_stderr(int file)
{
	char part[4096];
	ssize_t n;

	(void)lseek(file, 0, SEEK_SET);
	while ((n = read(file, part, sizeof(part))) > 0) {
		if (write(STDERR_FILENO, part, (size_t)n) != n)
			return;
	}
}

/* The engine complains of things that are no trouble to anybody, with a stack trace: of missing cgroups in every container, for
 * one. Of a start that succeeds the first line is kept; what it wrote before it failed is shown. */
static struct handle **connect_quietly(struct weir_chdb *chdb)
{
	int file = -1;
	int before = divert_stderr(&file);
	struct handle **handle = connect_engine(chdb);

	if (before < 0)
		return handle;
	(void)fflush(stderr);
	(void)dup2(before, STDERR_FILENO);
	(void)close(before);
	if (!handle)
		copy_to_stderr(file);
	else if (pread(file, chdb->said, sizeof(chdb->said) - 1, 0) > 0)
		chdb->said[strcspn(chdb->said, "\n")] = '\0';
	(void)close(file);
	return handle;
}

static void read_version(struct weir_chdb *chdb)
{
	static const char sql[] = "SELECT version()";
	struct weir_chdb_connection connection = {.chdb = chdb, .handle = chdb->first};
	struct weir_chdb_result result;

	weir_chdb_run(&connection, sql, sizeof(sql) - 1, "TSVRaw", &result);
	if (!result.code && result.out.len) {
		(void)snprintf(chdb->version, sizeof(chdb->version), "%.*s", (int)result.out.len - 1,
			       (const char *)result.out.data);
	}
	weir_chdb_result_done(&result);
}

static int open_engine(struct weir_chdb *chdb, const struct weir_chdb_options *options, struct weir_error *err)
{
	int rc = load(chdb, options->library, err);

	if (!rc)
		rc = write_config(options, err);
	if (!rc)
		rc = write_users(options, err);
	if (rc)
		return rc;
	if (asprintf(&chdb->path_argument, "--path=%s", options->folder) < 0)
		chdb->path_argument = NULL;
	if (asprintf(&chdb->config_argument, "--config-file=%s/config.xml", options->folder) < 0)
		chdb->config_argument = NULL;
	if (!chdb->path_argument || !chdb->config_argument)
		return weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	chdb->set_signal_handlers(0);
	chdb->first = connect_quietly(chdb);
	if (!chdb->first)
		return weir_error_set(err, -EIO, options->folder,
				      "look at what it printed above; if the folder is damaged, move it away and start anew",
				      "the embedded store cannot open its data");
	read_version(chdb);
	return 0;
}

int weir_chdb_open(const struct weir_chdb_options *options, struct weir_chdb **ret_chdb, struct weir_error *err)
{
	struct weir_chdb *chdb;
	int rc;

	if (mkdir(options->folder, 0750) != 0 && errno != EEXIST)
		return weir_error_set(err, -errno, options->folder, "choose another data folder, or make it writable",
				      "cannot be made: %s", strerror(errno));
	chdb = calloc(1, sizeof(*chdb));
	if (!chdb)
		return weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	rc = open_engine(chdb, options, err);
	if (rc)
		weir_chdb_close(chdb);
	else
		*ret_chdb = chdb;
	return rc;
}

/* The library stays loaded: it has threads that do not end. */
void weir_chdb_close(struct weir_chdb *chdb)
{
	if (!chdb)
		return;
	if (chdb->first)
		chdb->close(chdb->first);
	free(chdb->path_argument);
	free(chdb->config_argument);
	free(chdb);
}

const char *weir_chdb_version(const struct weir_chdb *chdb)
{
	return chdb->version;
}

const char *weir_chdb_said(const struct weir_chdb *chdb)
{
	return chdb->said;
}

struct weir_chdb_connection *weir_chdb_connect(struct weir_chdb *chdb)
{
	struct weir_chdb_connection *connection = calloc(1, sizeof(*connection));

	if (!connection)
		return NULL;
	connection->chdb = chdb;
	connection->handle = connect_engine(chdb);
	if (!connection->handle) {
		free(connection);
		return NULL;
	}
	return connection;
}

void weir_chdb_disconnect(struct weir_chdb_connection *connection)
{
	if (!connection)
		return;
	connection->chdb->close(connection->handle);
	free(connection);
}

/* "Code: 60. DB::Exception: …" */
static int code_of(const char *text)
{
	int code = strncmp(text, "Code: ", 6) == 0 ? atoi(text + 6) : 0;

	return code > 0 ? code : CODE_UNKNOWN;
}

static void set_failure(struct weir_chdb_result *result, int code, const char *text)
{
	result->code = code;
	if (weir_buffer_text(&result->out, text))
		weir_buffer_reset(&result->out); /* without memory the code alone must do */
}

void weir_chdb_run(struct weir_chdb_connection *connection, const char *sql, size_t len, const char *format,
		   struct weir_chdb_result *ret_result)
{
	const struct weir_chdb *chdb = connection->chdb;
	struct answer *answer = chdb->query(*connection->handle, sql, len, format, strlen(format));
	const char *error = answer ? chdb->error(answer) : "the engine gave no answer";

	*ret_result = (struct weir_chdb_result){0};
	weir_buffer_init(&ret_result->out);
	if (error) {
		set_failure(ret_result, code_of(error), error);
	} else if (chdb->length(answer) && weir_buffer_append(&ret_result->out, chdb->data(answer), chdb->length(answer))) {
		set_failure(ret_result, 241, "Code: 241. DB::Exception: out of memory. (MEMORY_LIMIT_EXCEEDED)");
	} else {
		ret_result->rows_read = chdb->rows_read(answer);
		ret_result->bytes_read = chdb->bytes_read(answer);
		ret_result->rows_written = chdb->rows_written(answer);
		ret_result->bytes_written = chdb->bytes_written(answer);
	}
	if (answer)
		chdb->destroy(answer);
}

void weir_chdb_result_done(struct weir_chdb_result *result)
{
	weir_buffer_done(&result->out);
}

int weir_chdb_quote(struct weir_buffer *sql, const char *text, size_t len)
{
	int rc = weir_buffer_append(sql, "'", 1);

	for (size_t i = 0; !rc && i < len; i++) {
		if (text[i] == '\0')
			rc = weir_buffer_append(sql, "\\0", 2);
		else if (text[i] == '\\' || text[i] == '\'')
			rc = weir_buffer_append(sql, (const char[2]){'\\', text[i]}, 2);
		else
			rc = weir_buffer_append(sql, text + i, 1);
	}
	return rc ? rc : weir_buffer_append(sql, "'", 1);
}
