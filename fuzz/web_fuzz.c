/* The head of a request to the page: byte 0 chooses what the rest is; the parts that follow each other are lines. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "query/complete.h"
#include "query/list.h"
#include "web/guard.h"
#include "web/parameters.h"
#include "web/users.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct weir_web_parameter TABLE[] = {
	{.name = "filter", .type = WEIR_WEB_TEXT, .max = 4096},		  {.name = "limit", .type = WEIR_WEB_NUMBER, .max = 1000},
	{.name = "count", .type = WEIR_WEB_BOOL, .standard = "false"},	  {.name = "query_id", .type = WEIR_WEB_ID},
	{.name = "metric", .type = WEIR_WEB_CHOICE, .words = "bps|pps"}, {0},
};

static int ignore(void *ctx, enum weir_suggestion kind, const char *text, const char *help)
{
	(void)ctx, (void)kind, (void)help;
	return text[0] ? 0 : -1;
}

static void parameters(const char *text, size_t len, int json)
{
	struct weir_web_parameters p;
	struct weir_error err;
	int rc;

	weir_web_parameters_init(&p);
	rc = json ? weir_web_parameters_json(&p, text, len, &err) : weir_web_parameters_url(&p, text, &err);
	if (!rc && weir_web_parameters_check(&p, TABLE, &err) == 0 && weir_web_number(&p, "limit") > 1000)
		abort();
	weir_web_parameters_done(&p);
}

static void head(const char *text)
{
	static char *const names[] = {(char *)(uintptr_t) "weir.example.org"};
	const struct weir_web_names ours = {names, 1};
	const struct weir_web_head h = {.host = text, .origin = text, .fetch_site = text};
	char secret[WEIR_WEB_SECRET_TEXT];
	struct weir_addr addr = {0};

	(void)weir_web_host_is_ours(text, &ours);
	(void)weir_web_origin_is_ours(&h);
	(void)weir_web_cookie(text, "weir_session", secret);
	(void)weir_web_bearer(text);
	(void)weir_web_forwarded(text, &addr);
	(void)weir_web_prefix_holds(text, &addr);
}

static void cursor(const char *text)
{
	struct weir_list list = {.paged = true, .order = WEIR_COL_SRC_ADDR};
	struct weir_list_cursor c;

	if (weir_list_cursor_parse(&list, text, &c) == 0 && strchr(c.value, '\''))
		abort(); /* it would stand between quotes */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct weir_web_users users;
	struct weir_completion c;
	struct weir_error err;
	char *text;

	if (size < 1)
		return 0;
	text = strndup((const char *)data + 1, size - 1);
	switch (data[0] % 6) {
	case 0:
		parameters(text, strlen(text), 0);
		break;
	case 1:
		parameters((const char *)data + 1, size - 1, 1);
		break;
	case 2:
		head(text);
		break;
	case 3:
		cursor(text);
		break;
	case 4:
		if (weir_filter_complete(text, strlen(text), &c, ignore, NULL) || c.from > c.to || c.to > strlen(text))
			abort();
		break;
	default:
		if (weir_web_users_parse("users", text, strlen(text), &users, &err) == 0)
			weir_web_users_done(&users);
		break;
	}
	free(text);
	return 0;
}
