/* What the commands that ask the store have in common: their options, the connection, the filter's mistakes, and
 * standard output. */
#ifndef WEIR_CLI_QUERY_H
#define WEIR_CLI_QUERY_H

#include "base/clock.h"
#include "cli/command.h"
#include "query/filter.h"
#include "query/output.h"
#include "query/time.h"
#include "store/client.h"

/* A command's struct of values begins with this one. */
struct weir_query_values {
	const char *config;
	const char *store;
	const char *last;
	const char *from;
	const char *to;
	const char *format;
	bool explain;
};

#define WEIR_QUERY_STORE_OPTIONS                                                                                       \
	{.name = "config", .letter = 'c', .type = WEIR_OPTION_TEXT, .argument = "FILE",                                \
	 .offset = offsetof(struct weir_query_values, config),                                                         \
	 .help = "the configuration; without it $WEIR_CONFIG, ./weir.yaml, /etc/weir/weir.yaml, or the defaults"},     \
	{.name = "store", .type = WEIR_OPTION_TEXT, .argument = "URL",                                                 \
	 .offset = offsetof(struct weir_query_values, store),                                                          \
	 .help = "the ClickHouse to ask, in place of the configuration's: http://HOST:8123"}

#define WEIR_QUERY_WINDOW_OPTIONS                                                                                      \
	{.name = "last", .letter = 'l', .type = WEIR_OPTION_TEXT, .argument = "DURATION",                              \
	 .offset = offsetof(struct weir_query_values, last),                                                           \
	 .help = "how far back: 90s, 15m, 1h30m, 7d; with --from or --to how long (default 1h)"},                      \
	{.name = "from", .type = WEIR_OPTION_TEXT, .argument = "TIME",                                                 \
	 .offset = offsetof(struct weir_query_values, from),                                                           \
	 .help = "the beginning: \"2026-01-31 12:00\", 2026-01-31T12:00:00Z, 12:00, today, now-2h, @1769860800"},      \
	{.name = "to", .type = WEIR_OPTION_TEXT, .argument = "TIME",                                                   \
	 .offset = offsetof(struct weir_query_values, to), .help = "the end, which is not included (default now)"},    \
	{.name = "explain", .type = WEIR_OPTION_FLAG, .offset = offsetof(struct weir_query_values, explain),           \
	 .help = "print the SQL in place of running it"}

#define WEIR_QUERY_TIME_TEXT                                                                                           \
	"The window is about when the flows were received, which is when their exporter had finished them: the store " \
	"is sorted by it. When the traffic was seen is a matter of the filter: time_start >= 2026-01-31T12:00:00Z. "    \
	"Times without a zone are local (TZ); tables show local time, the other formats UTC."

/* The filter of the operands. Mistakes are printed, with their place. 0 or an exit status. */
int weir_query_filter(int operands, char **argv, struct weir_filter **ret_filter);
/* --last, --from and --to. Mistakes are printed. 0 or an exit status. */
int weir_query_window(const struct weir_query_values *values, struct weir_window *ret_window);
/* A client of the store that the configuration or --store names. Mistakes are printed. 0 or an exit status. */
int weir_query_connect(const struct weir_query_values *values, struct weir_client **ret_client);

/* How standard output wants rows of this format. */
struct weir_output_options weir_query_output(enum weir_format format);
/* The put() of weir_output_options: to standard output. */
int weir_query_put(void *ctx, const void *data, size_t len);
/* Print the SQL of --explain. */
int weir_query_explain(const struct weir_buffer *sql);

/* A failure while asking or writing: printed, but for a reader that went away (`weir flows | head`). */
int weir_query_failed(int rc, const struct weir_client *client, const struct weir_error *err);

/* " received 2026-01-31 12:00:00 to 13:00:00 UTC" of a footer, after `before`. */
void weir_query_window_text(const struct weir_window *window, char *ret_text, size_t size);

#endif
