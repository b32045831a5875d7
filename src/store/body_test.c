#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <lz4frame.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "store/body.h"

static char folder[] = "/tmp/weir-body.XXXXXX";

static struct weir_request request_of(const char *query, enum weir_coding coding)
{
	return (struct weir_request){.query = query, .query_len = strlen(query), .body_coding = coding};
}

/* Sent in pieces of every size, the outcome is the same. */
static void add_in_pieces(struct weir_body *body, const void *data, size_t len, size_t piece)
{
	for (size_t at = 0; at < len; at += piece)
		weir_body_add(body, (const char *)data + at, len - at < piece ? len - at : piece);
}

static void expect_file(const struct weir_body *body, const char *data, size_t len)
{
	char got[65536];
	FILE *f = fopen(body->path, "rb");

	assert_non_null(f);
	assert_int_equal(fread(got, 1, sizeof(got), f), len);
	assert_memory_equal(got, data, len);
	(void)fclose(f);
}

static size_t encode(enum weir_coding coding, const char *data, size_t len, uint8_t *out, size_t size)
{
	if (coding == WEIR_CODING_LZ4)
		return LZ4F_compressFrame(out, size, data, len, NULL);
	if (coding == WEIR_CODING_ZSTD)
		return ZSTD_compress(out, size, data, len, 1);
	z_stream z = {.next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)len, .next_out = out, .avail_out = (uInt)size};

	assert_int_equal(deflateInit2(&z, 1, Z_DEFLATED, coding == WEIR_CODING_GZIP ? 31 : 15, 8, 0), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return size - z.avail_out;
}

static void compressed_data_beside_its_statement_is_kept_as_it_came(void **state)
{
	const struct weir_request request = request_of("INSERT INTO t FORMAT Native", WEIR_CODING_LZ4);
	uint8_t data[1024];
	size_t len = encode(WEIR_CODING_LZ4, "some rows", 9, data, sizeof(data));
	struct weir_body body;

	(void)state;
	weir_body_init(&body, folder, &request);
	add_in_pieces(&body, data, len, 3);
	assert_int_equal(weir_body_finish(&body), 0);
	assert_int_equal(body.coding, WEIR_CODING_LZ4);
	expect_file(&body, (const char *)data, len);
	weir_body_done(&body);
	for (size_t cut = 1; cut < len; cut++) {
		weir_body_init(&body, folder, &request);
		weir_body_add(&body, data, cut);
		assert_int_equal(weir_body_finish(&body), -EINVAL);
		assert_int_equal(body.fault.code, 271);
		weir_body_done(&body);
	}
}

static void data_beside_its_statement_is_kept_as_it_came(void **state)
{
	const struct weir_request request = request_of("INSERT INTO t FORMAT Native", WEIR_CODING_NONE);
	static const char data[] = "anything\n\0\xff";
	struct weir_body body;
	char path[4096];

	(void)state;
	weir_body_init(&body, folder, &request);
	add_in_pieces(&body, data, sizeof(data), 3);
	assert_int_equal(weir_body_finish(&body), 0);
	expect_file(&body, data, sizeof(data));
	(void)snprintf(path, sizeof(path), "%s", body.path);
	weir_body_done(&body);
	assert_int_equal(access(path, F_OK), -1);
}

static void finds_the_data_behind_the_statement(void **state)
{
	static const char text[] = "INSERT INTO t (a, b) FORMAT CSV\n1,\"INSERT; \n'\"\n\xff";
	const struct weir_request request = request_of("", WEIR_CODING_NONE);
	const char *data = strchr(text, '\n') + 1;

	(void)state;
	for (size_t piece = 1; piece < sizeof(text); piece++) {
		struct weir_body body;

		weir_body_init(&body, folder, &request);
		body.next_try = 1;
		add_in_pieces(&body, text, sizeof(text) - 1, piece);
		assert_int_equal(weir_body_finish(&body), 0);
		assert_int_equal(body.statement.kind, WEIR_STATEMENT_INSERT);
		expect_file(&body, data, strlen(data));
		weir_body_done(&body);
	}
}

static void url_and_body_are_one_text(void **state)
{
	const struct weir_request request = request_of("SELECT", WEIR_CODING_NONE);
	const struct weir_request insert = request_of("INSERT INTO t VALUES (1),", WEIR_CODING_NONE);
	struct weir_body body;

	(void)state;
	weir_body_init(&body, folder, &request);
	weir_body_add(&body, "1 FORMAT CSV", 12);
	assert_int_equal(weir_body_finish(&body), 0);
	assert_string_equal(weir_buffer_cstr(&body.text), "SELECT\n1 FORMAT CSV");
	assert_int_equal(body.statement.format_len, 3);
	weir_body_done(&body);
	weir_body_init(&body, folder, &insert);
	weir_body_add(&body, "(2)", 3);
	assert_int_equal(weir_body_finish(&body), 0);
	expect_file(&body, " (1),\n(2)", 9);
	weir_body_done(&body);
}

/* Two frames behind each other, as a spool's segment has them; and every way to cut them short is seen. */
static void decodes_what_has_its_statement_inside(void **state)
{
	static char text[40000];
	static uint8_t coded[100000];
	int begun = snprintf(text, sizeof(text), "INSERT INTO t FORMAT TSV\n");

	(void)state;
	for (size_t i = (size_t)begun; i < sizeof(text); i++)
		text[i] = (char)('a' + i * i % 17);
	for (enum weir_coding coding = WEIR_CODING_LZ4; coding <= WEIR_CODING_DEFLATE; coding++) {
		const struct weir_request request = request_of("", coding);
		size_t half = encode(coding, text, 100, coded, sizeof(coded));
		size_t len = half + encode(coding, text + 100, sizeof(text) - 100, coded + half, sizeof(coded) - half);
		struct weir_body body;

		weir_body_init(&body, folder, &request);
		add_in_pieces(&body, coded, len, 777);
		if (weir_body_finish(&body))
			fail_msg("coding %d: %s", coding, body.fault.text);
		assert_int_equal(body.coding, WEIR_CODING_NONE);
		expect_file(&body, text + begun, sizeof(text) - (size_t)begun);
		weir_body_done(&body);

		weir_body_init(&body, folder, &request);
		add_in_pieces(&body, coded, len - 3, 777);
		assert_int_equal(weir_body_finish(&body), -EINVAL);
		assert_int_equal(body.fault.code, 271);
		weir_body_done(&body);

		weir_body_init(&body, folder, &request);
		weir_body_add(&body, "SELECT 1 this is no frame at all", 32);
		assert_int_equal(weir_body_finish(&body), -EINVAL);
		weir_body_done(&body);
	}
}

static void a_statement_has_a_ceiling(void **state)
{
	static char blanks[65536];
	const struct weir_request request = request_of("SELECT 1", WEIR_CODING_NONE);
	struct weir_body body;

	(void)state;
	memset(blanks, ' ', sizeof(blanks));
	weir_body_init(&body, folder, &request);
	for (int i = 0; i < 64; i++)
		weir_body_add(&body, blanks, sizeof(blanks));
	assert_true(body.text.len <= WEIR_BODY_STATEMENT_MAX + sizeof(blanks));
	assert_int_equal(weir_body_finish(&body), -EINVAL);
	assert_int_equal(body.fault.code, 62);
	assert_int_equal(body.fault.status, 400);
	weir_body_done(&body);
}

static void a_missing_folder_is_told(void **state)
{
	const struct weir_request request = request_of("INSERT INTO t FORMAT CSV", WEIR_CODING_NONE);
	struct weir_body body;

	(void)state;
	weir_body_init(&body, "/nonexistent", &request);
	weir_body_add(&body, "1", 1);
	assert_int_equal(weir_body_finish(&body), -EINVAL);
	assert_int_equal(body.fault.code, 76);
	weir_body_done(&body);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder); /* fails when a test left a file */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compressed_data_beside_its_statement_is_kept_as_it_came),
		cmocka_unit_test(data_beside_its_statement_is_kept_as_it_came),
		cmocka_unit_test(finds_the_data_behind_the_statement),
		cmocka_unit_test(url_and_body_are_one_text),
		cmocka_unit_test(decodes_what_has_its_statement_inside),
		cmocka_unit_test(a_statement_has_a_ceiling),
		cmocka_unit_test(a_missing_folder_is_told),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
