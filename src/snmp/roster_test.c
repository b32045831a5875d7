/* When exporters are asked, what is kept of what they told, and the texts of agents. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "snmp/roster.h"

#define INTERVAL_MS 900000

static struct weir_addr addr(unsigned last)
{
	const uint8_t v4[4] = {192, 0, (uint8_t)(2 + last / 256), (uint8_t)last};

	return weir_addr_from_v4(v4);
}

static void tell(struct weir_snmp_interfaces *i, uint32_t index, const char *name, uint64_t speed, uint64_t high)
{
	struct weir_snmp_interface *at = weir_snmp_interfaces_get(i, index, 3);

	assert_non_null(at);
	weir_snmp_text(name, strlen(name), at->name, sizeof(at->name));
	at->speed_bps = speed;
	at->high_mbps = high;
}

static void test_interfaces(void **state)
{
	struct weir_snmp_interfaces i = {0};
	struct weir_buffer out;
	struct weir_addr who = addr(1);

	(void)state;
	tell(&i, 7, " a\tb\r\n\x7f ", 4294967295, 100000);
	tell(&i, 3, "say \"hi\"", 1544000, 1);
	tell(&i, 5, "", 4294967295, 0);
	assert_null(weir_snmp_interfaces_get(&i, 9, 3));
	assert_true(i.cut);
	assert_non_null(weir_snmp_interfaces_get(&i, 7, 3));
	weir_snmp_settle_speeds(&i);
	(void)snprintf(i.system, sizeof(i.system), "core");
	weir_buffer_init(&out);
	assert_int_equal(weir_snmp_interfaces_write(&i, &who, &out), 0);
	assert_string_equal(weir_buffer_cstr(&out), "192.0.2.1,0,\"core\",\"\",0\n192.0.2.1,3,\"say \"\"hi\"\"\",\"\",1544000\n192.0.2.1,5,\"\",\"\",0\n"
						    "192.0.2.1,7,\"a b\",\"\",100000000000\n");
	weir_buffer_done(&out);
	weir_snmp_interfaces_done(&i);
}

static void test_when(void **state)
{
	struct weir_snmp_roster r;
	struct weir_snmp_interfaces none = {0};
	struct weir_addr who = addr(1);
	struct weir_snmp_exporter *e;
	/* In intervals, a tenth more or less: after it answered, and after failures in a row. */
	static const struct {
		enum weir_snmp_outcome outcome;
		int64_t intervals;
	} STEPS[] = {{WEIR_SNMP_OK, 1},	    {WEIR_SNMP_SILENT, 1}, {WEIR_SNMP_SILENT, 2}, {WEIR_SNMP_SILENT, 4},
		     {WEIR_SNMP_SILENT, 4}, {WEIR_SNMP_OK, 1},	   {WEIR_SNMP_SILENT, 1}};
	int64_t now = 1000;

	(void)state;
	weir_snmp_roster_init(&r, INTERVAL_MS, 5);
	assert_null(weir_snmp_roster_next(&r, now));
	weir_snmp_roster_see(&r, &who, now);
	weir_snmp_roster_see(&r, &who, now);
	assert_int_equal(r.count, 1);
	now += 10000; /* the first question comes soon */
	for (size_t i = 0; i < sizeof(STEPS) / sizeof(STEPS[0]); i++) {
		int64_t pause = STEPS[i].intervals * INTERVAL_MS;

		e = weir_snmp_roster_next(&r, now);
		assert_non_null(e);
		assert_null(weir_snmp_roster_next(&r, now)); /* it is busy */
		(void)weir_snmp_roster_take(&r, e, STEPS[i].outcome, &none, now);
		assert_null(weir_snmp_roster_next(&r, now + pause - pause / 10 - 1));
		now += pause + pause / 10;
	}
	weir_snmp_roster_done(&r);
}

static void test_what_is_kept(void **state)
{
	struct weir_snmp_roster r, again;
	struct weir_snmp_interfaces i = {0};
	struct weir_snmp_exporter *e;
	struct weir_buffer out;

	(void)state;
	weir_snmp_roster_init(&r, 0, 5);
	weir_buffer_init(&out);
	for (unsigned n = 300; n > 0; n--) {
		struct weir_addr who = addr(n);

		weir_snmp_roster_see(&r, &who, n);
	}
	assert_int_equal(r.count, 300);
	tell(&i, 1, "eth0", 1000, 0);
	for (unsigned n = 0; n < 300; n++) {
		e = weir_snmp_roster_next(&r, 1000);
		assert_non_null(e);
		assert_true(weir_snmp_roster_take(&r, e, WEIR_SNMP_OK, &i, 1000));
		assert_false(weir_snmp_roster_take(&r, e, WEIR_SNMP_OK, &i, 1000)); /* the same */
		assert_false(weir_snmp_roster_take(&r, e, WEIR_SNMP_SILENT, &i, 1001));
	}
	/* Those that are gone go; a new process takes over what is left. */
	assert_int_equal(weir_snmp_roster_forget(&r, 299), 298);
	assert_int_equal(weir_snmp_roster_write(&r, &out), 0);
	assert_string_equal(weir_buffer_cstr(&out), WEIR_SNMP_FILE_HEAD "192.0.3.43,0,\"\",\"\",0\n192.0.3.43,1,\"eth0\",\"\",1000\n"
								       "192.0.3.44,0,\"\",\"\",0\n192.0.3.44,1,\"eth0\",\"\",1000\n");
	weir_snmp_roster_init(&again, INTERVAL_MS, 5);
	weir_snmp_roster_see(&again, &r.exporter[1].addr, 1);
	weir_snmp_roster_read(&again, (const char *)out.data, out.len);
	weir_snmp_roster_read(&again, "nonsense", 8);
	weir_buffer_reset(&out);
	assert_int_equal(weir_snmp_roster_write(&again, &out), 0);
	assert_string_equal(weir_buffer_cstr(&out), WEIR_SNMP_FILE_HEAD "192.0.3.44,0,\"\",\"\",0\n192.0.3.44,1,\"eth0\",\"\",1000\n");
	weir_buffer_done(&out);
	weir_snmp_roster_done(&again);
	weir_snmp_roster_done(&r);
	weir_snmp_interfaces_done(&i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interfaces),
		cmocka_unit_test(test_when),
		cmocka_unit_test(test_what_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
