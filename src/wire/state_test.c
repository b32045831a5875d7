/* What exporters told survives a decoder. */
#include <errno.h>

#include "base/cursor.h"
#include "wire/testing.h"

static void teach(struct fixture *f)
{
	v9_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 0, 300, {8, 4}, {48, 2}, {95, 4}, {22, 4});
	TEMPLATE_SET(&f->m, 0, 301, {8, 4}, {1, 8});
	SET(&f->m, 1, U16(256), U16(4), U16(8), U16(1), U16(0), U16(48), U16(2), U16(50), U16(4));
	SET(&f->m, 256, U16(1), U32(1000), U16(2), U32(50));
	SET(&f->m, 1, U16(257), U16(4), U16(8), U16(1), U16(0), U16(95), U16(4), U16(96), U16(6));
	SET(&f->m, 257, U8(13), U24(1), 'h', 't', 't', 'p', 0, 0);
	SET(&f->m, 1, U16(258), U16(4), U16(4), U16(2), U16(4), U16(34), U16(4), U16(0));
	decode(f);
	ipfix_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 2, 300, {8, 4}, {96, VAR}, {PEN(9, 12232), 4});
	TEMPLATE_SET(&f->m, 2, 301, {10, 4}, {235, 4});
	SET(&f->m, 3, U16(257), U16(4), U16(1), U16(10), U16(4), U16(82), U16(4), U16(234), U16(4), U16(236), U16(4));
	SET(&f->m, 257, U32(3), 'e', 't', 'h', '3', U32(7), 'b', 'l', 'u', 'e');
	SET(&f->m, 3, U16(256), U16(2), U16(1), U16(149), U16(4), U16(160), U16(8));
	SET(&f->m, 256, U32(TEST_DOMAIN), U64(TEST_MS - 5000));
	decode(f);
	assert_faults(f, "");
}

static void use(struct fixture *f)
{
	v9_begin(&f->m, 9);
	SET(&f->m, 300, U32(1), U16(1), U8(13), U24(1), U32(TEST_UPTIME), U32(1), U16(2), U8(13), U24(1), U32(TEST_UPTIME));
	SET(&f->m, 258, U32(7), U32(70), 0, 0, 0, 0);
	decode(f);
	ipfix_begin(&f->m, 9);
	SET(&f->m, 300, U32(1), 3, 'd', 'n', 's', U32(5));
	SET(&f->m, 301, U32(3), U32(7));
	decode(f);
}

static struct weir_buffer saved(struct fixture *f, int64_t now_ms)
{
	struct weir_buffer b;

	weir_buffer_init(&b);
	assert_int_equal(weir_decoder_save(f->decoder, now_ms, &b), 0);
	return b;
}

static void test_survives(void **state)
{
	struct fixture *f = *state;
	struct fixture *g = fixture_new(NULL, NULL);
	struct weir_vocabulary *vocabulary;
	struct weir_buffer b;
	struct weir_buffer same;

	teach(f);
	assert_true(weir_decoder_changed(f->decoder));
	b = saved(f, TEST_MS + 1000);
	assert_false(weir_decoder_changed(f->decoder));
	assert_int_equal(weir_decoder_load(g->decoder, b.data, b.len, TEST_MS + 2000, NULL, NULL), 2);
	same = saved(g, TEST_MS + 2000);
	assert_int_equal(same.len, b.len);
	assert_int_equal(weir_vocabulary_new(&weir_vocabulary_limits_default, 1, &vocabulary), 0);
	weir_decoder_vocabulary(g->decoder, vocabulary);
	use(g);
	assert_faults(g, "");
	assert_cell(g, 3, IN_IF_NAME, "eth3");
	assert_cell(g, 3, OUT_VRF_NAME, "blue");
	g->block->vocabulary = NULL;
	weir_vocabulary_free(vocabulary);
	assert_int_equal(stats(g)->flows, 4);
	assert_int_equal(stats(g)->templates, 0);
	assert_cell(g, 0, SAMPLING_RATE, "1000");
	assert_cell(g, 1, SAMPLING_RATE, "50");
	assert_cell(g, 0, APPLICATION_NAME, "http");
	assert_cell(g, 2, APPLICATION_NAME, "dns");
	weir_buffer_done(&b);
	weir_buffer_done(&same);
	fixture_free(g);
}

/* The same templates again are nothing to save; another one is. */
static void test_changed(void **state)
{
	struct fixture *f = *state;
	struct weir_buffer b;

	teach(f);
	b = saved(f, TEST_MS);
	weir_buffer_done(&b);
	teach(f);
	assert_false(weir_decoder_changed(f->decoder));
	v9_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 0, 301, {8, 4}, {1, 4});
	decode(f);
	assert_true(weir_decoder_changed(f->decoder));
}

static void test_stale(void **state)
{
	struct fixture *f = *state;
	struct fixture *g = fixture_new(NULL, NULL);
	struct weir_buffer b;

	teach(f);
	b = saved(f, TEST_MS + WEIR_STATE_STALE_MS + 1000);
	assert_int_equal(b.len, 0);
	weir_buffer_done(&b);
	b = saved(f, TEST_MS);
	assert_int_equal(weir_decoder_load(g->decoder, b.data, b.len, TEST_MS + WEIR_STATE_STALE_MS + 1000, NULL, NULL), 0);
	/* What was not heard since does not become younger by being saved. */
	assert_int_equal(weir_decoder_load(g->decoder, b.data, b.len, TEST_MS + WEIR_STATE_STALE_MS - 1000, NULL, NULL), 2);
	weir_buffer_done(&b);
	b = saved(g, TEST_MS + WEIR_STATE_STALE_MS + 1000);
	assert_int_equal(b.len, 0);
	weir_buffer_done(&b);
	fixture_free(g);
}

static bool none(void *ctx, const struct weir_addr *exporter)
{
	assert_memory_equal(ctx, exporter, sizeof(*exporter));
	return false;
}

/* An entry of another worker is passed over; sessions end with their connection; v5 has nothing to keep. */
static void test_what_is_not_kept(void **state)
{
	struct fixture *f = *state;
	struct fixture *g = fixture_new(NULL, NULL);
	struct weir_buffer b;

	teach(f);
	b = saved(f, TEST_MS);
	assert_int_equal(weir_decoder_load(g->decoder, b.data, b.len, TEST_MS, none, &f->exporter), 0);
	weir_buffer_done(&b);
	g->session = 5;
	ipfix_begin(&g->m, 0);
	TEMPLATE_SET(&g->m, 2, 300, {8, 4});
	decode(g);
	b = saved(g, TEST_MS);
	assert_int_equal(b.len, 0);
	weir_buffer_done(&b);
	fixture_free(g);
}

/* Cut anywhere, or with any byte changed, it harms nobody. */
static void test_damaged(void **state)
{
	struct fixture *f = *state;
	struct weir_buffer b;

	teach(f);
	b = saved(f, TEST_MS);
	for (size_t i = 0; i < b.len; i++) {
		struct fixture *g = fixture_new(NULL, NULL);
		uint8_t *cut = malloc(i ? i : 1);

		assert_non_null(cut);
		memcpy(cut, b.data, i);
		if (weir_decoder_load(g->decoder, cut, i, TEST_MS, NULL, NULL) >= 0)
			assert_true(i == 0 || i == 4 + weir_be32(b.data));
		free(cut);
		fixture_free(g);
	}
	for (size_t i = 0; i < b.len; i++) {
		struct fixture *g = fixture_new(NULL, NULL);

		b.data[i] ^= 0x55;
		(void)!weir_decoder_load(g->decoder, b.data, b.len, TEST_MS, NULL, NULL);
		b.data[i] ^= 0x55;
		use(g);
		fixture_free(g);
	}
	weir_buffer_done(&b);
}

/* At most half of the ceiling, so that there is room for new ones. */
static void test_ceiling(void **state)
{
	const struct weir_decoder_limits limits = {.exporters_max = 8, .templates_max = 4, .fields_max = 8};
	struct fixture *f = *state;
	struct fixture *g = fixture_new(&limits, NULL);
	struct weir_buffer b;

	for (uint8_t i = 0; i < 9; i++) {
		f->exporter.byte[15] = i;
		v9_begin(&f->m, 0);
		TEMPLATE_SET(&f->m, 0, 300, {8, 4});
		decode(f);
	}
	b = saved(f, TEST_MS);
	assert_int_equal(weir_decoder_load(g->decoder, b.data, b.len, TEST_MS, NULL, NULL), 4);
	weir_buffer_done(&b);
	fixture_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_survives),	     FIXTURE_TEST(test_changed), FIXTURE_TEST(test_stale),
		FIXTURE_TEST(test_what_is_not_kept), FIXTURE_TEST(test_damaged), FIXTURE_TEST(test_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
