#include "wire/copy.h"
#include "wire/testing.h"

static const struct weir_times TIMES = {
	.export_ms = TEST_MS,
	.init_ms = TEST_MS - 10000,
	.uptime_ms = TEST_UPTIME,
};

/* One value through the loop of that operation. */
static void copy_one(enum weir_op op, const uint8_t *src, size_t len, size_t width, void *ret_dst)
{
	weir_copy_fn copy = weir_copy_find(op, len, width);
	struct weir_copy c = {.dst = ret_dst, .src = src, .rows = 1, .len = (uint32_t)len, .times = &TIMES};

	assert_non_null(copy);
	copy(&c);
}

static void test_unsigned_of_every_length_and_width(void **state)
{
	static const uint8_t src[8] = {1, 2, 3, 4, 5, 6, 7, 8};
	static const size_t widths[] = {1, 2, 4, 8};

	(void)state;
	for (size_t len = 1; len <= 8; len++) {
		uint64_t value = weir_load_uint(src, len);

		for (size_t w = 0; w < 4; w++) {
			uint64_t max = widths[w] == 8 ? UINT64_MAX : (UINT64_C(1) << (8 * widths[w])) - 1;
			uint64_t got = 0;

			/* x86 and ARM are little-endian, so the low bytes are the narrow value. */
			copy_one(WEIR_OP_UINT, src, len, widths[w], &got);
			assert_true(got == (value > max ? max : value));
		}
	}
	assert_null(weir_copy_find(WEIR_OP_UINT, 0, 4));
	assert_null(weir_copy_find(WEIR_OP_UINT, 9, 4));
	assert_null(weir_copy_find(WEIR_OP_UINT, 4, 3));
	assert_null(weir_copy_find(WEIR_OP_UINT, 4, 16));
	assert_null(weir_copy_find(WEIR_OP_NONE, 4, 4));
}

static void test_lengths_that_a_type_cannot_have(void **state)
{
	(void)state;
	assert_null(weir_copy_find(WEIR_OP_IPV4, 3, 16));
	assert_null(weir_copy_find(WEIR_OP_IPV4, 4, 4));
	assert_null(weir_copy_find(WEIR_OP_IPV6, 8, 16));
	assert_null(weir_copy_find(WEIR_OP_MAC, 8, 8));
	assert_null(weir_copy_find(WEIR_OP_NTP, 4, 8));
	assert_null(weir_copy_find(WEIR_OP_MPLS, 2, 4));
	assert_null(weir_copy_find(WEIR_OP_SECONDS, 9, 8));
}

static int64_t time_of(enum weir_op op, uint64_t value, size_t len)
{
	uint8_t src[8];
	int64_t got = -1;

	for (size_t i = 0; i < len; i++)
		src[i] = (uint8_t)(value >> 8 * (len - 1 - i));
	copy_one(op, src, len, 8, &got);
	return got;
}

static void test_times(void **state)
{
	const int64_t last = 10413791999999;

	(void)state;
	assert_true(time_of(WEIR_OP_SECONDS, TEST_SECONDS, 4) == TEST_MS);
	assert_true(time_of(WEIR_OP_SECONDS, UINT64_MAX, 8) == last);
	assert_true(time_of(WEIR_OP_MILLISECONDS, TEST_MS + 7, 8) == TEST_MS + 7);
	assert_true(time_of(WEIR_OP_MILLISECONDS, UINT64_MAX, 8) == last);
	assert_true(time_of(WEIR_OP_UPTIME, TEST_UPTIME - 1, 4) == TEST_MS - 1);
	assert_true(time_of(WEIR_OP_UPTIME, TEST_UPTIME + 1, 4) == TEST_MS + 1);
	assert_true(time_of(WEIR_OP_SINCE_INIT, 4000, 4) == TEST_MS - 6000);
	assert_true(time_of(WEIR_OP_BEFORE_EXPORT, 1999, 4) == TEST_MS - 1);
	assert_true(time_of(WEIR_OP_BEFORE_EXPORT, UINT64_MAX, 8) == 0);
}

static void test_ntp(void **state)
{
	(void)state;
	assert_true(weir_ntp_to_ms(0) == 0);
	assert_true(weir_ntp_to_ms(UINT64_C(2208988800) << 32) == 0);
	assert_true(weir_ntp_to_ms((UINT64_C(2208988800) << 32) | UINT32_MAX) == 1000);
	/* A fraction that was made from milliseconds comes back as those. */
	for (uint64_t ms = 0; ms < 1000; ms++)
		assert_true(weir_ntp_to_ms((UINT64_C(2208988801) << 32) | (ms << 32) / 1000) == (int64_t)(1000 + ms));
	/* Era 1 begins 2036-02-07T06:28:16Z. */
	assert_true(weir_ntp_to_ms(1) == 2085978496000);
}

static void test_labels_and_segments(void **state)
{
	static const uint8_t label[4] = {0x01, 0x23, 0x45, 0xff};
	static const uint8_t vxlan[8] = {1, 0, 0, 0, 0, 0xab, 0xcd, 0xef};
	static const uint8_t bare[8] = {0, 0, 0, 0, 0, 0, 0x12, 0x34};
	static const uint8_t half[4] = {U32(13)}, endless[4] = {U32(UINT32_MAX)};
	static const uint8_t app[4] = {13, 0, 1, 0xc5};
	static const uint8_t vendor_app[9] = {20, U32(12356), U32(0x8f34)};
	uint32_t u32 = 0;
	uint64_t u64 = 0;

	(void)state;
	copy_one(WEIR_OP_MPLS, label, 3, 4, &u32);
	assert_int_equal(u32, 0x1234);
	copy_one(WEIR_OP_MPLS, label, 4, 4, &u32);
	assert_int_equal(u32, 0x1234);
	copy_one(WEIR_OP_HALF_MS, half, 4, 4, &u32);
	assert_int_equal(u32, 26000);
	copy_one(WEIR_OP_HALF_MS, endless, 4, 4, &u32);
	assert_true(u32 == 4294966000);
	copy_one(WEIR_OP_SEGMENT, vxlan, 8, 8, &u64);
	assert_true(u64 == 0xabcdef);
	copy_one(WEIR_OP_SEGMENT, bare, 8, 8, &u64);
	assert_true(u64 == 0x1234);
	copy_one(WEIR_OP_APPLICATION, app, 4, 8, &u64);
	assert_true(u64 == (UINT64_C(13) << 56 | 453));
	copy_one(WEIR_OP_APPLICATION, app, 1, 8, &u64);
	assert_true(u64 == UINT64_C(13) << 56);
	copy_one(WEIR_OP_APPLICATION, vendor_app, 9, 8, &u64);
	assert_true(u64 == (UINT64_C(20) << 56 | UINT64_C(12356) << 32 | 0x8f34));
	copy_one(WEIR_OP_APPLICATION, vendor_app, 7, 8, &u64);
	assert_true(u64 == (UINT64_C(20) << 56 | UINT64_C(12356) << 32));
}

static void test_rows_are_a_stride_apart(void **state)
{
	static const uint8_t src[] = {U16(1), 0xee, U16(2), 0xee, U16(3)};
	uint16_t dst[4] = {0, 0, 0, 9};
	struct weir_copy c = {.dst = dst, .src = src, .stride = 3, .rows = 3, .len = 2, .times = &TIMES};

	(void)state;
	weir_copy_find(WEIR_OP_UINT, 2, 2)(&c);
	assert_int_equal(dst[0], 1);
	assert_int_equal(dst[1], 2);
	assert_int_equal(dst[2], 3);
	assert_int_equal(dst[3], 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unsigned_of_every_length_and_width),
		cmocka_unit_test(test_lengths_that_a_type_cannot_have),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_ntp),
		cmocka_unit_test(test_labels_and_segments),
		cmocka_unit_test(test_rows_are_a_stride_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
