/* Capture files as frames: byte orders, units of time, filters, and what damaged files say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "receive/packets.h"

struct file {
	uint8_t data[4096];
	size_t len;
	bool swapped;
};

struct seen {
	unsigned frames;
	uint32_t captured, length;
	int64_t time_us;
	enum weir_link link;
	uint8_t first;
	int answer;
};

static void put(struct file *f, uint32_t v)
{
	v = f->swapped ? __builtin_bswap32(v) : v;
	memcpy(f->data + f->len, &v, 4);
	f->len += 4;
}

static void begin(struct file *f, uint32_t magic, bool swapped, uint32_t link)
{
	f->len = 0;
	f->swapped = swapped;
	put(f, magic);
	put(f, swapped ? 2 << 16 | 4 : 4 << 16 | 2); /* the version, as two halves */
	put(f, 0);
	put(f, 0);
	put(f, 65535);
	put(f, link);
}

static void add(struct file *f, uint32_t seconds, uint32_t part, uint32_t captured, uint32_t length)
{
	put(f, seconds);
	put(f, part);
	put(f, captured);
	put(f, length);
	memset(f->data + f->len, 0x45, captured < 100 ? captured : 0);
	f->len += captured < 100 ? captured : 0;
}

static int take(void *ctx, const struct weir_frame *frame)
{
	struct seen *s = ctx;

	s->frames++;
	s->captured = frame->captured;
	s->length = frame->length;
	s->time_us = frame->time_us;
	s->link = frame->link;
	s->first = frame->captured ? frame->data[0] : 0;
	return s->answer;
}

/* 0 at the end; what poll() or opening said otherwise. */
static int read_file(const struct file *f, size_t len, const char *filter, struct seen *seen, struct weir_error *err)
{
	char path[] = "/tmp/weir-packets-XXXXXX";
	struct weir_packets *packets = NULL;
	int fd = mkstemp(path);
	int rc;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, f->data, len), (ssize_t)len);
	assert_int_equal(close(fd), 0);
	rc = weir_packets_open_file(path, filter, &packets, err);
	while (rc >= 0 && !weir_packets_ended(packets))
		rc = weir_packets_poll(packets, 0, take, seen, err);
	if (rc >= 0)
		assert_int_equal(weir_packets_stats(packets)->frames, filter ? 2 : seen->frames);
	weir_packets_close(packets);
	assert_int_equal(unlink(path), 0);
	return rc < 0 ? rc : 0;
}

static void test_byte_orders_and_units(void **state)
{
	static const struct {
		uint32_t magic;
		bool swapped;
		uint32_t part;
	} CASES[] = {{0xa1b2c3d4, false, 500000}, {0xa1b2c3d4, true, 500000}, {0xa1b23c4d, false, 500000999}, {0xa1b23c4d, true, 500000000}};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct seen seen = {0};
		struct weir_error err = {0};
		struct file f;

		begin(&f, CASES[i].magic, CASES[i].swapped, 101);
		add(&f, 1, 0, 0, 60);
		add(&f, 1700000000, CASES[i].part, 40, 1500);
		assert_int_equal(read_file(&f, f.len, NULL, &seen, &err), 0);
		assert_int_equal(seen.frames, 2);
		assert_int_equal(seen.captured, 40);
		assert_int_equal(seen.length, 1500);
		assert_int_equal(seen.time_us, 1700000000500000);
		assert_int_equal(seen.link, WEIR_LINK_IP);
		assert_int_equal(seen.first, 0x45);
	}
}

static void test_filter(void **state)
{
	struct weir_error err = {0};
	struct seen seen = {0};
	struct file f;

	(void)state;
	begin(&f, 0xa1b2c3d4, false, 1);
	add(&f, 1, 0, 60, 60);
	add(&f, 2, 0, 60, 1000);
	assert_int_equal(read_file(&f, f.len, "greater 500", &seen, &err), 0);
	assert_int_equal(seen.frames, 1);
	assert_int_equal(seen.length, 1000);
	assert_int_not_equal(read_file(&f, f.len, "grater", &seen, &err), 0);
	assert_non_null(strstr(err.next, "pcap-filter(7)"));
}

/* Cut anywhere: the whole frames are given out, and what is left of one is told. */
static void test_cut(void **state)
{
	struct file f;

	(void)state;
	begin(&f, 0xa1b2c3d4, false, 1);
	add(&f, 1, 0, 60, 60);
	add(&f, 2, 0, 60, 60);
	for (size_t len = 0; len <= f.len; len++) {
		size_t whole = len < 24 ? 0 : (len - 24) / 76;
		bool right = len >= 24 && (len - 24) % 76 == 0;
		struct weir_error err = {0};
		struct seen seen = {0};

		assert_int_equal(read_file(&f, len, NULL, &seen, &err) == 0, right);
		assert_int_equal(seen.frames, whole);
		assert_int_equal(*err.what != '\0', !right);
	}
}

static void test_what_is_no_capture(void **state)
{
	struct weir_error err = {0};
	struct seen seen = {0};
	struct file f;

	(void)state;
	begin(&f, 0xa1b2c3d4, false, 1);
	add(&f, 1, 0, 262145, 262145); /* longer than a frame can be */
	assert_int_not_equal(read_file(&f, f.len, NULL, &seen, &err), 0);
	assert_non_null(strstr(err.what, "damaged"));
	begin(&f, 0xa1b2c3d4, false, 105); /* wireless */
	assert_int_not_equal(read_file(&f, f.len, NULL, &seen, &err), 0);
	assert_non_null(strstr(err.what, "105"));
	begin(&f, 0x1f8b0800, true, 1);
	assert_int_not_equal(read_file(&f, f.len, NULL, &seen, &err), 0);
	assert_non_null(strstr(err.next, "zcat"));
	begin(&f, 0xa1b2c3d5, false, 1); /* the first byte of a capture, but none */
	assert_int_not_equal(read_file(&f, f.len, NULL, &seen, &err), 0);
	assert_int_equal(seen.frames, 0);
}

static void test_the_taker_ends_it(void **state)
{
	struct seen seen = {.answer = -7};
	struct weir_error err = {0};
	struct file f;

	(void)state;
	begin(&f, 0xa1b2c3d4, false, 1);
	add(&f, 1, 0, 60, 60);
	add(&f, 2, 0, 60, 60);
	assert_int_equal(read_file(&f, f.len, NULL, &seen, &err), -7);
	assert_int_equal(seen.frames, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_byte_orders_and_units), cmocka_unit_test(test_filter), cmocka_unit_test(test_cut),
		cmocka_unit_test(test_what_is_no_capture),    cmocka_unit_test(test_the_taker_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
