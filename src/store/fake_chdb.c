/* A stand-in for libchdb with its functions and a handful of statements, so that the HTTP interface can be tested under
 * the sanitizers, which the real library does not bear, and where the real one is not installed. Its words:
 *
 *   SELECT rows(N)         N lines "0", "1", …
 *   SELECT fail_after(N)   N lines, then error 395
 *   SELECT hang_after(N)   N lines, then nothing until it is killed
 *   SELECT unknown         error 60
 *   SELECT inserted        how many bytes the last INSERT found in its file
 *   SET …, USE `…`         errors 115 and 81 for the name "nowhere"
 *   KILL QUERY …           ends the query whose log_comment begins with the word in it; without one, all */
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 64

struct handle {
	char comment[64]; /* under lock, as is killed */
	bool killed;
	bool used;
};

struct answer {
	char *data;
	char error[256];
	uint64_t rows_written;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct handle handles[CONNECTIONS_MAX];
static struct handle *slots[CONNECTIONS_MAX];
static long inserted;

struct handle **chdb_connect(int argc, char **argv);
void chdb_close_conn(struct handle **connection);
struct answer *chdb_query_n(struct handle *connection, const char *sql, size_t len, const char *format, size_t format_len);
void chdb_destroy_query_result(struct answer *answer);
const char *chdb_result_buffer(struct answer *answer);
size_t chdb_result_length(struct answer *answer);
const char *chdb_result_error(struct answer *answer);
uint64_t chdb_result_storage_rows_read(struct answer *answer);
uint64_t chdb_result_storage_bytes_read(struct answer *answer);
uint64_t chdb_result_rows_written(struct answer *answer);
uint64_t chdb_result_bytes_written(struct answer *answer);
void chdb_set_signal_handlers_enabled(int enabled);

struct handle **chdb_connect(int argc, char **argv)
{
	static const char complaint[] = "no cgroups here\nStack trace:\n0. somewhere\n";
	static bool complained;
	struct handle **found = NULL;

	(void)argc, (void)argv;
	(void)pthread_mutex_lock(&lock);
	if (!complained)
		(void)!write(STDERR_FILENO, complaint, sizeof(complaint) - 1);
	complained = true;
	for (unsigned i = 0; i < CONNECTIONS_MAX && !found; i++) {
		if (handles[i].used)
			continue;
		handles[i] = (struct handle){.used = true};
		slots[i] = &handles[i];
		found = &slots[i];
	}
	(void)pthread_mutex_unlock(&lock);
	return found;
}

void chdb_close_conn(struct handle **connection)
{
	(void)pthread_mutex_lock(&lock);
	(*connection)->used = false;
	(void)pthread_mutex_unlock(&lock);
}

static bool is_killed(const struct handle *h)
{
	bool killed;

	(void)pthread_mutex_lock(&lock);
	killed = h->killed;
	(void)pthread_mutex_unlock(&lock);
	return killed;
}

/* The text between the first two quotation marks behind at. */
static void quoted(const char *at, char *ret_text, size_t size)
{
	const char *start = at ? strchr(at, '\'') : NULL;
	size_t len = start ? strcspn(start + 1, "'") : 0;

	(void)snprintf(ret_text, size, "%.*s", (int)len, start ? start + 1 : "");
}

static void give_lines(struct answer *a, int fd, long lines)
{
	char buffer[65536];
	size_t len = 0;

	for (long i = 0; i < lines && !*a->error; i++) {
		len += (size_t)snprintf(buffer + len, sizeof(buffer) - len, "%ld\n", i);
		if (len < sizeof(buffer) - 32 && i + 1 < lines)
			continue;
		if (write(fd, buffer, len) != (ssize_t)len)
			(void)snprintf(a->error, sizeof(a->error), "Code: 75. DB::Exception: Cannot write. (CANNOT_WRITE)");
		len = 0;
	}
}

static void hang(struct handle *h, struct answer *a)
{
	const struct timespec tick = {.tv_nsec = 2000000};

	while (!is_killed(h))
		(void)nanosleep(&tick, NULL);
	(void)snprintf(a->error, sizeof(a->error), "Code: 394. DB::Exception: Cancelled. (QUERY_WAS_CANCELLED)");
}

static void select_rows(struct handle *h, const char *sql, struct answer *a)
{
	char path[128];
	const char *word = strchr(sql, ' ') + 1;
	const char *count = strchr(word, '(');
	int fd;

	if (strncmp(word, "unknown", 7) == 0) {
		(void)snprintf(a->error, sizeof(a->error), "Code: 60. DB::Exception: There is no such table. (UNKNOWN_TABLE)");
		return;
	}
	quoted(strstr(sql, "INTO OUTFILE"), path, sizeof(path));
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (strncmp(word, "inserted", 8) == 0)
		(void)dprintf(fd, "%ld\n", inserted);
	else
		give_lines(a, fd, count ? atol(count + 1) : 0);
	if (!*a->error && strncmp(word, "fail", 4) == 0)
		(void)snprintf(a->error, sizeof(a->error), "Code: 395. DB::Exception: Enough. (FUNCTION_THROW_IF)");
	if (!*a->error && strncmp(word, "hang", 4) == 0)
		hang(h, a);
	(void)close(fd);
}

static void insert(const char *sql, struct answer *a)
{
	char path[512];
	int fd;

	quoted(strstr(sql, "FROM INFILE"), path, sizeof(path));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	(void)pthread_mutex_lock(&lock);
	inserted = fd < 0 ? -1 : (long)lseek(fd, 0, SEEK_END);
	(void)pthread_mutex_unlock(&lock);
	if (fd >= 0)
		(void)close(fd);
	a->rows_written = 1;
}

static void kill_query(const char *sql)
{
	char word[64];

	quoted(strstr(sql, "],"), word, sizeof(word));
	(void)pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < CONNECTIONS_MAX; i++) {
		if (handles[i].used && strncmp(handles[i].comment, word, strlen(word)) == 0 && *handles[i].comment)
			handles[i].killed = true;
	}
	(void)pthread_mutex_unlock(&lock);
}

static void set(struct handle *h, const char *sql, struct answer *a)
{
	if (strstr(sql, "nowhere"))
		(void)snprintf(a->error, sizeof(a->error), "Code: %d. DB::Exception: There is no nowhere. (UNKNOWN)",
			       *sql == 'S' ? 115 : 81);
	if (!strstr(sql, "log_comment"))
		return;
	(void)pthread_mutex_lock(&lock);
	quoted(sql, h->comment, sizeof(h->comment));
	(void)pthread_mutex_unlock(&lock);
}

struct answer *chdb_query_n(struct handle *connection, const char *sql, size_t len, const char *format, size_t format_len)
{
	struct answer *a = calloc(1, sizeof(*a));
	char *text = strndup(sql, len);

	(void)format, (void)format_len;
	if (strcmp(text, "SELECT version()") == 0)
		a->data = strdup("0.0\n");
	else if (strncmp(text, "SELECT", 6) == 0)
		select_rows(connection, text, a);
	else if (strncmp(text, "INSERT", 6) == 0)
		insert(text, a);
	else if (strncmp(text, "KILL", 4) == 0)
		kill_query(text);
	else
		set(connection, text, a);
	free(text);
	return a;
}

void chdb_destroy_query_result(struct answer *answer)
{
	free(answer->data);
	free(answer);
}

const char *chdb_result_buffer(struct answer *answer)
{
	return answer->data;
}

size_t chdb_result_length(struct answer *answer)
{
	return answer->data ? strlen(answer->data) : 0;
}

const char *chdb_result_error(struct answer *answer)
{
	return *answer->error ? answer->error : NULL;
}

uint64_t chdb_result_storage_rows_read(struct answer *answer)
{
	(void)answer;
	return 0;
}

uint64_t chdb_result_storage_bytes_read(struct answer *answer)
{
	(void)answer;
	return 0;
}

uint64_t chdb_result_rows_written(struct answer *answer)
{
	return answer->rows_written;
}

uint64_t chdb_result_bytes_written(struct answer *answer)
{
	(void)answer;
	return 0;
}

void chdb_set_signal_handlers_enabled(int enabled)
{
	(void)enabled;
}
