/* Captures are put together here byte by byte and read from memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "receive/capture.h"

/* An Ethernet frame from 10.1.2.3, port 4660, with a payload of three bytes: 45 bytes. */
#define FRAME(payload)                                                                                  \
	"\1\2\3\4\5\6\1\2\3\4\5\7\x08\0\x45\0\0\x1f\0\0\0\0\x40\x11\0\0\x0a\x01\x02\x03\x0a\x01\x02\x04" \
	"\x12\x34\x08\x07\0\x0b\0\0" payload
#define FRAGMENT                                                                                           \
	"\1\2\3\4\5\6\1\2\3\4\5\7\x08\0\x45\0\0\x1f\0\0\x20\0\x40\x11\0\0\x0a\x01\x02\x03\x0a\x01\x02\x04" \
	"\x12\x34\x08\x07\0\x0b\0\0" "abc"
/* 2026-01-01 00:00:00 is 0x6955b900. */
#define PCAP_LE(link) "\xd4\xc3\xb2\xa1\2\0\4\0\0\0\0\0\0\0\0\0\xff\xff\0\0" link "\0\0\0"
#define PACKET_LE     "\0\xb9\x55\x69\x58\x1b\0\0\x2d\0\0\0\x2d\0\0\0"
#define PCAP_BE	      "\xa1\xb2\xc3\xd4\0\2\0\4\0\0\0\0\0\0\0\0\0\0\xff\xff\0\0\0\1"
#define PACKET_BE     "\x69\x55\xb9\0\0\0\x1b\x58\0\0\0\x2d\0\0\0\x2d"
#define PCAP_NS	      "\x4d\x3c\xb2\xa1\2\0\4\0\0\0\0\0\0\0\0\0\xff\xff\0\0\1\0\0\0"
#define PACKET_NS     "\0\xb9\x55\x69\xc0\xcf\x6a\0\x2d\0\0\0\x2d\0\0\0"
#define PCAPNG                                                                                         \
	"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\1\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x1c\0\0\0" \
	"\1\0\0\0\x14\0\0\0\1\0\0\0\xff\xff\0\0\x14\0\0\0"
/* The time is 0x0006474846205b58 microseconds. */
#define PACKET_NG(frame) \
	"\6\0\0\0\x50\0\0\0\0\0\0\0\x48\x47\x06\0\x58\x5b\x20\x46\x2d\0\0\0\x2d\0\0\0" frame "\0\0\0\x50\0\0\0"
#define IPFIX(domain) "\0\x0a\0\x14\x69\x55\xb9\0\0\0\0\1\0\0\0" domain "\0\2\0\4"

static const int64_t NEW_YEAR_MS = 1767225600000;

struct reading {
	struct weir_capture *capture;
	struct weir_error err;
	int rc; /* of opening */
};

static void open_bytes(struct reading *r, const char *data, size_t len)
{
	const struct weir_addr fallback = {{[15] = 9}};
	FILE *file = fmemopen((void *)(uintptr_t)data, len, "rb");

	assert_non_null(file);
	*r = (struct reading){0};
	r->rc = weir_capture_open_stream(file, "test.pcap", &fallback, 77, &r->capture, &r->err);
}

#define OPEN(r, text) open_bytes(r, text, sizeof(text) - 1)

static void assert_next(struct reading *r, const char *src, int64_t ms, const char *payload, size_t len)
{
	struct weir_datagram d;
	char text[WEIR_ADDR_TEXT_MAX];

	assert_int_equal(r->rc, 0);
	assert_int_equal(weir_capture_next(r->capture, &d, &r->err), 1);
	(void)weir_addr_text(&d.exporter, text);
	assert_string_equal(text, src);
	assert_int_equal(d.received_ms, ms);
	assert_int_equal(d.len, len);
	assert_memory_equal(d.data, payload, len);
}

static void assert_end(struct reading *r)
{
	struct weir_datagram d;

	assert_int_equal(weir_capture_next(r->capture, &d, &r->err), 0);
	assert_int_equal(weir_capture_next(r->capture, &d, &r->err), 0);
	weir_capture_close(r->capture);
}

static void test_pcap_of_either_order(void **state)
{
	struct reading r;

	(void)state;
	OPEN(&r, PCAP_LE("\1") PACKET_LE FRAME("abc") PACKET_LE FRAME("def"));
	assert_next(&r, "10.1.2.3", NEW_YEAR_MS + 7, "abc", 3);
	assert_next(&r, "10.1.2.3", NEW_YEAR_MS + 7, "def", 3);
	assert_end(&r);
	OPEN(&r, PCAP_BE PACKET_BE FRAME("abc"));
	assert_next(&r, "10.1.2.3", NEW_YEAR_MS + 7, "abc", 3);
	assert_end(&r);
}

static void test_pcap_with_nanoseconds(void **state)
{
	struct reading r;

	(void)state;
	OPEN(&r, PCAP_NS PACKET_NS FRAME("abc"));
	assert_next(&r, "10.1.2.3", NEW_YEAR_MS + 7, "abc", 3);
	assert_end(&r);
}

static void test_pcapng(void **state)
{
	struct reading r;

	(void)state;
	OPEN(&r, PCAPNG PACKET_NG(FRAME("abc")));
	assert_next(&r, "10.1.2.3", 1767225600007, "abc", 3);
	assert_end(&r);
}

static void test_frames_are_counted(void **state)
{
	const struct weir_capture_stats *stats;
	struct reading r;

	(void)state;
	OPEN(&r, PCAP_LE("\1") PACKET_LE FRAGMENT
		 "\0\xb9\x55\x69\0\0\0\0\x0e\0\0\0\x0e\0\0\0\1\2\3\4\5\6\1\2\3\4\5\7\x08\x06"
		 "\0\xb9\x55\x69\0\0\0\0\x2b\0\0\0\x2d\0\0\0\1\2\3\4\5\6\1\2\3\4\5\7\x08\0"
		 "\x45\0\0\x1f\0\0\0\0\x40\x11\0\0\x0a\x01\x02\x03\x0a\x01\x02\x04\x12\x34\x08\x07\0\x0b\0\0" "a");
	assert_next(&r, "10.1.2.3", NEW_YEAR_MS, "a", 1);
	stats = weir_capture_stats(r.capture);
	assert_int_equal(stats->packets, 3);
	assert_int_equal(stats->fragments, 1);
	assert_int_equal(stats->skipped, 1);
	assert_int_equal(stats->truncated, 1);
	assert_int_equal(stats->datagrams, 1);
	assert_end(&r);
}

static void test_file_of_ipfix_messages(void **state)
{
	struct reading r;

	(void)state;
	OPEN(&r, IPFIX("\1") IPFIX("\2") IPFIX("\3"));
	assert_next(&r, "::9", NEW_YEAR_MS, IPFIX("\1"), 20);
	assert_next(&r, "::9", NEW_YEAR_MS, IPFIX("\2"), 20);
	assert_next(&r, "::9", NEW_YEAR_MS, IPFIX("\3"), 20);
	assert_int_equal(weir_capture_stats(r.capture)->datagrams, 3);
	assert_end(&r);
}

/* More messages than the window holds, so that some lie across its end. */
static void test_long_file_of_ipfix_messages(void **state)
{
	enum { MESSAGES = 20000 };
	char *data = test_malloc(20 * MESSAGES);
	struct weir_datagram d;
	struct reading r;

	(void)state;
	for (unsigned i = 0; i < MESSAGES; i++) {
		memcpy(data + (size_t)20 * i, IPFIX("\0"), 20);
		data[20 * i + 10] = (char)(i >> 8);
		data[20 * i + 11] = (char)i;
	}
	open_bytes(&r, data, 20 * MESSAGES);
	assert_int_equal(r.rc, 0);
	for (unsigned i = 0; i < MESSAGES; i++) {
		assert_int_equal(weir_capture_next(r.capture, &d, &r.err), 1);
		assert_int_equal(d.len, 20);
		assert_int_equal(d.data[10] << 8 | d.data[11], i);
	}
	assert_end(&r);
	test_free(data);
}

/* Bytes that are no message are given out once, for the decoder to name. */
static void test_garbage_among_messages(void **state)
{
	struct reading r;

	(void)state;
	OPEN(&r, IPFIX("\1") "garbage" IPFIX("\2"));
	assert_next(&r, "::9", NEW_YEAR_MS, IPFIX("\1"), 20);
	assert_int_equal(weir_capture_next(r.capture, &(struct weir_datagram){0}, &r.err), 1);
	assert_end(&r);
	OPEN(&r, "\0\x0a\0\x64\x69\x55\xb9\0\0\0\0\1\0\0\0\0"); /* says 100 bytes, has 16 */
	assert_next(&r, "::9", NEW_YEAR_MS, "\0\x0a\0\x64\x69\x55\xb9\0\0\0\0\1\0\0\0\0", 16);
	assert_end(&r);
}

static void test_raw_datagrams(void **state)
{
	struct reading r;

	(void)state;
	OPEN(&r, "\0\x05\0\0\0\0\0\0\x69\x55\xb9\0more");
	assert_next(&r, "::9", NEW_YEAR_MS, "\0\x05\0\0\0\0\0\0\x69\x55\xb9\0more", 16);
	assert_end(&r);
	OPEN(&r, "\0\x09\0\0\0\0\0\0\x69\x55\xb9\0more");
	assert_next(&r, "::9", NEW_YEAR_MS, "\0\x09\0\0\0\0\0\0\x69\x55\xb9\0more", 16);
	assert_end(&r);
	OPEN(&r, "\0\0\0\x05\0\0\0\x01"); /* sFlow has no time of day */
	assert_next(&r, "::9", 77, "\0\0\0\x05\0\0\0\x01", 8);
	assert_end(&r);
	OPEN(&r, "\0\x05\0");
	assert_next(&r, "::9", 77, "\0\x05\0", 3);
	assert_end(&r);
}

static void test_what_cannot_be_read(void **state)
{
	struct reading r;

	(void)state;
	OPEN(&r, "hello, world\n");
	assert_int_equal(r.rc, -EINVAL);
	assert_string_equal(r.err.where, "test.pcap");
	assert_non_null(strstr(r.err.next, "pcapng"));
	OPEN(&r, "\x1f\x8b\x08\0\0\0\0\0\0\0");
	assert_int_equal(r.rc, -EINVAL);
	assert_non_null(strstr(r.err.next, "zcat"));
	OPEN(&r, PCAP_LE("\x69")); /* 802.11 */
	assert_int_equal(r.rc, -ENOTSUP);
	assert_non_null(strstr(r.err.what, "IEEE802_11"));
	assert_int_equal(weir_capture_open("/nonexistent/a.pcap", &(struct weir_addr){0}, 0, &r.capture, &r.err),
			 -ENOENT);
	assert_string_equal(r.err.where, "/nonexistent/a.pcap");
	assert_int_equal(weir_capture_open("/dev/null", &(struct weir_addr){0}, 0, &r.capture, &r.err), -EINVAL);
	assert_string_equal(r.err.what, "the file is empty");
}

static void test_damaged_pcap(void **state)
{
	struct reading r;

	(void)state;
	OPEN(&r, PCAP_LE("\1") PACKET_LE FRAME("abc") PACKET_LE "\1\2\3");
	assert_next(&r, "10.1.2.3", NEW_YEAR_MS + 7, "abc", 3);
	assert_int_equal(weir_capture_next(r.capture, &(struct weir_datagram){0}, &r.err), -EIO);
	assert_string_equal(r.err.where, "test.pcap");
	assert_non_null(strstr(r.err.what, "after 1 packet"));
	weir_capture_close(r.capture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pcap_of_either_order),
		cmocka_unit_test(test_pcap_with_nanoseconds),
		cmocka_unit_test(test_pcapng),
		cmocka_unit_test(test_frames_are_counted),
		cmocka_unit_test(test_file_of_ipfix_messages),
		cmocka_unit_test(test_long_file_of_ipfix_messages),
		cmocka_unit_test(test_garbage_among_messages),
		cmocka_unit_test(test_raw_datagrams),
		cmocka_unit_test(test_what_cannot_be_read),
		cmocka_unit_test(test_damaged_pcap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
