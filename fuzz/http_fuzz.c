/* A request to the store: the first line is the method, the second the URL, then "Name: value" headers up to an empty
 * line, then the body. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *value_of(char *lines, const char *name)
{
	for (char *line = lines; line; line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
		size_t len = strlen(name);

		if (strncmp(line, name, len) == 0 && line[len] == ':')
			return line + len + 1;
	}
	return NULL;
}

static char *copy_line(const char *text)
{
	return text ? strndup(text, strcspn(text, "\n")) : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"Host", "Origin", "Sec-Fetch-Site", "Content-Encoding", "Accept-Encoding",
					    "X-ClickHouse-Format", "X-ClickHouse-Database"};
	const struct weir_request_policy policy = {.listen_host = "127.0.0.1:8123"};
	const uint8_t *blank = memmem(data, size, "\n\n", 2);
	size_t head_len = blank ? (size_t)(blank - data) : size;
	char *lines = strndup((const char *)data, head_len);
	char *second = strchr(lines, '\n');
	char *method = copy_line(lines);
	char *uri = copy_line(second ? second + 1 : "/");
	char *values[7];
	struct weir_request_fault fault;
	struct weir_request request;

	for (size_t i = 0; i < 7; i++)
		values[i] = copy_line(value_of(lines, names[i]));
	const struct weir_request_head head = {.method = method, .uri = uri, .host = values[0], .origin = values[1],
					       .fetch_site = values[2], .content_encoding = values[3],
					       .accept_encoding = values[4], .format = values[5], .database = values[6]};
	if (weir_request_init(&request, &head, &policy, &fault) == 0) {
		struct weir_body body;
		size_t at = blank ? head_len + 2 : size;
		size_t half = at + (size - at) / 2;

		weir_body_init(&body, "/tmp", &request);
		weir_body_add(&body, data + at, half - at);
		weir_body_add(&body, data + half, size - half);
		if (weir_body_finish(&body) == 0 && body.statement.format_at + body.statement.format_len > body.text.len)
			abort();
		weir_body_done(&body);
	}
	weir_request_done(&request);
	for (size_t i = 0; i < 7; i++)
		free(values[i]);
	free(uri);
	free(method);
	free(lines);
	return 0;
}
