/* Data that stands alone in the body is written as it came: the file is smaller, and the engine undoes its compression
 * on a thread of its own. It is decompressed here too, to nowhere, for the engine takes what is cut short or no frame at
 * all for the end of the data, and would store a part of it. Where the statement is in the body too, what was decompressed
 * is kept, for only so the data's beginning is found. */
#include "store/body.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/decompress.h"

#define FIRST_TRY 1024

static void fail(struct weir_body *body, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void fail(struct weir_body *body, int code, const char *fmt, ...)
{
	va_list args;

	if (body->failed)
		return;
	body->failed = true;
	body->fault.code = code;
	body->fault.status = weir_request_status(code);
	va_start(args, fmt);
	(void)vsnprintf(body->fault.text, sizeof(body->fault.text), fmt, args);
	va_end(args);
}

static void fail_by_statement(struct weir_body *body, const struct weir_statement_fault *fault)
{
	fail(body, fault->code, "%s", fault->text);
}

static void open_file(struct weir_body *body)
{
	if (asprintf(&body->path, "%s/insert.XXXXXX", body->folder) < 0) {
		body->path = NULL;
		fail(body, 241, "Out of memory");
		return;
	}
	body->fd = mkostemp(body->path, O_CLOEXEC);
	if (body->fd < 0) {
		fail(body, 76, "Cannot make a file for the data in %s: %s", body->folder, strerror(errno));
		free(body->path);
		body->path = NULL;
	}
}

static void write_data(struct weir_body *body, const char *data, size_t len)
{
	if (body->data_bytes + len > WEIR_BODY_DATA_MAX) {
		fail(body, 229, "The data of one INSERT may take %lu GiB", WEIR_BODY_DATA_MAX >> 30);
		return;
	}
	body->data_bytes += len;
	while (len && !body->failed) {
		ssize_t n = write(body->fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			fail(body, 243, "The data cannot be written to %s: %s", body->folder, strerror(errno));
			return;
		}
		data += n;
		len -= (size_t)n;
	}
}

/* The statement takes data: what of it is in the text already goes to the file. */
static void begin_data(struct weir_body *body)
{
	size_t data_at = body->statement.data_at;

	body->settled = true;
	open_file(body);
	if (body->failed)
		return;
	write_data(body, (const char *)body->text.data + data_at, body->text.len - data_at);
	body->text.len = data_at;
}

/* Look at the text as far as it is here. */
static void look(struct weir_body *body, bool whole)
{
	struct weir_statement_fault fault = {0};
	const char *text = weir_buffer_cstr(&body->text); /* of an empty buffer there is no data to point to */
	int rc = text ? weir_statement_parse(text, body->text.len, whole, &body->statement, &fault) : -ENOMEM;

	if (rc == -ENOMEM)
		fail(body, 241, "Out of memory");
	else if (rc == -EINVAL)
		fail_by_statement(body, &fault);
	else if (!rc && body->statement.kind == WEIR_STATEMENT_INSERT)
		begin_data(body);
	else if (!rc)
		body->settled = whole;
}

static int take(void *ctx, const void *data, size_t len)
{
	struct weir_body *body = ctx;

	if (body->raw)
		return 0;
	if (body->settled) {
		write_data(body, data, len);
		return body->failed ? -EINVAL : 0;
	}
	if (body->separate && weir_buffer_append(&body->text, "\n", 1))
		fail(body, 241, "Out of memory");
	body->separate = false;
	if (weir_buffer_append(&body->text, data, len))
		fail(body, 241, "Out of memory");
	if (!body->failed && body->text.len >= body->next_try) {
		look(body, false);
		body->next_try = body->text.len * 2;
	}
	if (!body->failed && !body->settled && body->text.len > WEIR_BODY_STATEMENT_MAX)
		fail(body, 62, "Syntax error: Max query size exceeded: a statement may take %lu KiB",
		     WEIR_BODY_STATEMENT_MAX >> 10);
	return body->failed ? -EINVAL : 0;
}

void weir_body_init(struct weir_body *body, const char *folder, const struct weir_request *request)
{
	struct weir_statement_fault fault;

	memset(body, 0, sizeof(*body));
	weir_buffer_init(&body->text);
	body->folder = folder;
	body->fd = -1;
	body->next_try = FIRST_TRY;
	if (weir_buffer_append(&body->text, request->query, request->query_len)) {
		fail(body, 241, "Out of memory");
		return;
	}
	body->separate = request->query_len > 0;
	if (request->query_len &&
	    weir_statement_parse(request->query, request->query_len, true, &body->statement, &fault) == 0 &&
	    body->statement.kind == WEIR_STATEMENT_INSERT && body->statement.data_at == request->query_len) {
		body->coding = request->body_coding;
		body->raw = true;
		begin_data(body);
	}
	if (weir_decompressor_new(request->body_coding, take, body, &body->decompressor))
		fail(body, 241, "Out of memory");
}

void weir_body_add(struct weir_body *body, const void *data, size_t len)
{
	if (body->failed || !len)
		return;
	if (body->raw)
		write_data(body, data, len);
	if (weir_decompressor_feed(body->decompressor, data, len) == -EPROTO)
		fail(body, 271, "The body is not what its Content-Encoding says");
}

int weir_body_finish(struct weir_body *body)
{
	if (!body->failed && body->decompressor && weir_decompressor_end(body->decompressor))
		fail(body, 271, "The body is cut short");
	if (!body->failed && !body->settled)
		look(body, true);
	if (body->fd >= 0 && close(body->fd) != 0)
		fail(body, 243, "The data cannot be written to %s: %s", body->folder, strerror(errno));
	body->fd = -1;
	return body->failed ? -EINVAL : 0;
}

void weir_body_drop_data(struct weir_body *body)
{
	if (body->fd >= 0)
		(void)close(body->fd);
	if (body->path)
		(void)unlink(body->path);
	free(body->path);
	body->path = NULL;
	body->fd = -1;
}

void weir_body_done(struct weir_body *body)
{
	weir_body_drop_data(body);
	weir_decompressor_free(body->decompressor);
	weir_buffer_done(&body->text);
}
