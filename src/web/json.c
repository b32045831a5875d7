#include "web/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "flow/text.h"

#define SAFE_MAX ((UINT64_C(1) << 53) - 1)

static void put(struct weir_json *json, const char *text, size_t len)
{
	if (!json->rc)
		json->rc = weir_buffer_append(json->out, text, len);
}

static void begin(struct weir_json *json, const char *key)
{
	if (json->comma)
		put(json, ",", 1);
	json->comma = true;
	if (!key)
		return;
	if (!json->rc)
		json->rc = weir_text_json_string(key, strlen(key), json->out);
	put(json, ":", 1);
}

void weir_json_open(struct weir_json *json, const char *key, char bracket)
{
	begin(json, key);
	put(json, &bracket, 1);
	json->comma = false;
}

void weir_json_close(struct weir_json *json, char bracket)
{
	char closing = bracket == '{' || bracket == '}' ? '}' : ']';

	put(json, &closing, 1);
	json->comma = true;
}

void weir_json_bytes(struct weir_json *json, const char *key, const void *data, size_t len)
{
	begin(json, key);
	if (!json->rc)
		json->rc = weir_text_json_string(data, len, json->out);
}

void weir_json_text(struct weir_json *json, const char *key, const char *text)
{
	weir_json_bytes(json, key, text, strlen(text));
}

void weir_json_raw(struct weir_json *json, const char *key, const void *data, size_t len)
{
	begin(json, key);
	put(json, data, len);
}

void weir_json_bool(struct weir_json *json, const char *key, bool value)
{
	weir_json_raw(json, key, value ? "true" : "false", value ? 4 : 5);
}

void weir_json_null(struct weir_json *json, const char *key)
{
	weir_json_raw(json, key, "null", 4);
}

void weir_json_whole(struct weir_json *json, const char *key, uint64_t value)
{
	char text[32];
	const char *quote = value > SAFE_MAX ? "\"" : "";

	weir_json_raw(json, key, text, (size_t)snprintf(text, sizeof(text), "%s%" PRIu64 "%s", quote, value, quote));
}

void weir_json_signed(struct weir_json *json, const char *key, int64_t value)
{
	char text[32];

	weir_json_raw(json, key, text, (size_t)snprintf(text, sizeof(text), "%" PRId64, value));
}

void weir_json_number(struct weir_json *json, const char *key, double value)
{
	char text[400]; /* the largest double has 309 digits before its point */
	size_t len;

	if (!isfinite(value))
		value = 0;
	len = (size_t)snprintf(text, sizeof(text), "%.3f", value);
	while (len > 1 && text[len - 1] == '0')
		len--;
	if (text[len - 1] == '.')
		len--;
	weir_json_raw(json, key, text, len);
}
