#include "cli/query.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/store_client.h"

#define QUERY_TIMEOUT_S	      600
#define CODE_UNKNOWN_DATABASE 81 /* of ClickHouse */

static int64_t now_ms(void)
{
	return weir_clock_wall_ns(&weir_clock_system) / WEIR_NS_PER_MS;
}

int weir_query_filter(int operands, char **argv, struct weir_filter **ret_filter)
{
	char *text = weir_operands_join(operands, argv);
	struct weir_filter_mistake mistake;
	struct weir_error err = {0};
	struct weir_buffer caret;
	int rc;

	if (!text) {
		(void)weir_error_set(&err, -ENOMEM, NULL, NULL, "out of memory");
		return weir_fail(WEIR_EXIT_FAILED, &err);
	}
	rc = weir_filter_parse(text, strlen(text), now_ms(), ret_filter, &mistake, &err);
	if (rc) {
		(void)weir_fail(WEIR_EXIT_USAGE, &err);
		weir_buffer_init(&caret);
		if (rc != -ENOMEM && weir_filter_caret(text, strlen(text), &mistake, &caret) == 0)
			(void)fwrite(caret.data, 1, caret.len, stderr);
		weir_buffer_done(&caret);
	}
	free(text);
	return rc ? WEIR_EXIT_USAGE : 0;
}

int weir_query_window(const struct weir_query_values *values, struct weir_window *ret_window)
{
	struct weir_error err = {0};

	if (weir_window_parse(values->last, values->from, values->to, now_ms(), ret_window, &err))
		return weir_fail(WEIR_EXIT_USAGE, &err);
	return 0;
}

int weir_query_connect(const struct weir_query_values *values, struct weir_client **ret_client)
{
	struct weir_config config;
	struct weir_error err = {0};
	int rc = weir_config_read(weir_config_find(values->config), &config, &err);

	if (rc)
		return weir_fail(WEIR_EXIT_USAGE, &err);
	if (values->store) {
		char *url = strdup(values->store);

		free(config.store_url);
		config.store_url = url;
		rc = url ? 0 : weir_error_set(&err, -ENOMEM, NULL, NULL, "out of memory");
	}
	if (!rc)
		rc = weir_store_client_new(&config, QUERY_TIMEOUT_S, ret_client, &err);
	weir_config_done(&config);
	return rc ? weir_fail(WEIR_EXIT_USAGE, &err) : 0;
}

int weir_query_put(void *ctx, const void *data, size_t len)
{
	(void)ctx;
	errno = 0;
	if (fwrite(data, 1, len, stdout) == len)
		return 0;
	return errno ? -errno : -EIO;
}

struct weir_output_options weir_query_output(enum weir_format format)
{
	bool terminal = isatty(STDOUT_FILENO) == 1;
	const char *no_colour = getenv("NO_COLOR");

	return (struct weir_output_options){
		.format = format,
		.terminal = terminal,
		.colour = terminal && !(no_colour && *no_colour),
		.put = weir_query_put,
	};
}

int weir_query_explain(const struct weir_buffer *sql)
{
	int rc = weir_query_put(NULL, sql->data, sql->len);

	return rc || weir_query_put(NULL, "\n", 1) ? WEIR_EXIT_FAILED : WEIR_EXIT_OK;
}

int weir_query_failed(int rc, const struct weir_client *client, const struct weir_error *err)
{
	struct weir_error own = {0};

	if (rc == -EPIPE)
		return WEIR_EXIT_FAILED;
	if (rc == -EREMOTEIO && weir_client_exception_code(client) == CODE_UNKNOWN_DATABASE) {
		(void)weir_error_set(&own, rc, "store", "`weir run` makes it with the first flows; or set store.database",
				     "the store has no database \"%s\" yet", weir_client_database(client));
		return weir_fail(WEIR_EXIT_FAILED, &own);
	}
	if (*err->what)
		return weir_fail(WEIR_EXIT_FAILED, err);
	if (rc == -EPROTO)
		(void)weir_error_set(&own, rc, "store", NULL, "the store's answer broke off, or is not what was asked for");
	else
		(void)weir_error_set(&own, rc, NULL, NULL, "the answer cannot be written: %s", strerror(-rc));
	return weir_fail(WEIR_EXIT_FAILED, &own);
}

void weir_query_window_text(const struct weir_window *window, char *ret_text, size_t size)
{
	char from[WEIR_TIME_TEXT_MAX], to[WEIR_TIME_TEXT_MAX];

	weir_time_text_local(window->from_ms, 0, from);
	weir_time_text_local(window->to_ms, 1, to);
	/* Seconds are enough here: the milliseconds and the point are four characters. */
	(void)snprintf(ret_text, size, "received %.19s to %.19s%s", from, to, to + 23);
}
