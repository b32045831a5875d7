#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "probe/counters.h"

static const char TEXT[] =
	"Inter-|   Receive                                                |  Transmit\n"
	" face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n"
	"    lo:     100       2    0    0    0     0          0         0      100       2    0    0    0     0       0          0\n"
	"  eth0:123456789012 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n";

static void test_parse(void **state)
{
	struct weir_interface_counters c = {0};

	(void)state;
	assert_int_equal(weir_counters_parse(TEXT, "eth0", &c), 0);
	assert_true(c.in_bytes == 123456789012);
	assert_int_equal(c.in_packets, 3);
	assert_int_equal(c.in_errors, 4);
	assert_int_equal(c.in_discards, 11);
	assert_int_equal(c.in_multicast, 9);
	assert_int_equal(c.out_bytes, 10);
	assert_int_equal(c.out_packets, 11);
	assert_int_equal(c.out_errors, 12);
	assert_int_equal(c.out_discards, 27);
	assert_int_equal(weir_counters_parse(TEXT, "lo", &c), 0);
	assert_int_equal(c.out_bytes, 100);
	assert_int_equal(weir_counters_parse(TEXT, "eth", &c), -ENODEV);
	assert_int_equal(weir_counters_parse("eth0: 1 2", "eth0", &c), -EIO);
}

static void test_loopback(void **state)
{
	struct weir_interface_counters c;

	(void)state;
	assert_int_equal(weir_counters_read("lo", &c), 0);
	assert_int_equal(c.type, 24);
	assert_int_equal(c.in_packets, c.out_packets);
	assert_int_equal(weir_counters_read("nonesuch0", &c), -ENODEV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_parse), cmocka_unit_test(test_loopback)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
