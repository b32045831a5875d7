#include "wire/sflow_testing.h"
#include "wire/tell_testing.h"

static struct told told;

static void counters_begin(struct test_message *m, bool expanded)
{
	sflow_begin(m, 1);
	count(m, HEADER_LEN - 4);
	sample_at = part_open(m, expanded ? 4 : 2);
	if (expanded)
		PUT(m, U32(77), U32(0), U32(11), U32(0));
	else
		PUT(m, U32(77), U32(11), U32(0));
	records_at = weir_writer_len(&m->w) - 4;
}

#define COUNTERS(m, format, ...)                          \
	do {                                              \
		count(m, records_at);                     \
		RECORD(m, format, __VA_ARGS__);           \
	} while (0)

static void test_interface(void **state)
{
	struct fixture *f = *state;

	for (unsigned expanded = 0; expanded < 2; expanded++) {
		told_begin(&told, f);
		counters_begin(&f->m, expanded);
		COUNTERS(&f->m, 1, U32(12), U32(6), U64(10000000000), U32(1), U32(3), U64(5000000000), U32(1), U32(2), U32(ALL_ONES),
			 U32(0), U32(4), U32(5), U64(6), U32(7), U32(8), U32(9), U32(10), U32(11), U32(2));
		sample_end(&f->m);
		decode(f);
		assert_faults(f, "");
		assert_told(&told,
			    "interface 12 if_type=6\ninterface 12 if_speed=10000000000\ninterface 12 if_direction=1\n"
			    "interface 12 if_status=3\ninterface 12 if_in_octets=5000000000\ninterface 12 if_in_ucast_pkts=1\n"
			    "interface 12 if_in_multicast_pkts=2\ninterface 12 if_in_discards=0\ninterface 12 if_in_errors=4\n"
			    "interface 12 if_in_unknown_protos=5\ninterface 12 if_out_octets=6\ninterface 12 if_out_ucast_pkts=7\n"
			    "interface 12 if_out_multicast_pkts=8\ninterface 12 if_out_broadcast_pkts=9\n"
			    "interface 12 if_out_discards=10\ninterface 12 if_out_errors=11\ninterface 12 if_promiscuous_mode=2\n");
	}
	assert_int_equal(stats(f)->counter_samples, 2);
	assert_int_equal(stats(f)->bytes_of[WEIR_BYTE_UNREAD], 0);
}

static void test_host(void **state)
{
	struct fixture *f = *state;

	told_begin(&told, f);
	counters_begin(&f->m, false);
	COUNTERS(&f->m, 2000, U32(5), 'h', 'o', 's', 't', '1', 0, 0, 0, U64(1), U64(2), U32(3), U32(2), U32(4), '6', '.', '1', '0');
	COUNTERS(&f->m, 1001, U32(250), U32(ALL_ONES), U32(90), U64(1000), U64(UINT64_MAX));
	COUNTERS(&f->m, 2003, U32(0x3fc00000), U32(0x7f800000), U32(0xbf800000), U32(1), U32(2), U32(3), U32(4), U32(5), U32(6),
		 U32(7), U32(8), U32(9), U32(10), U32(11), U32(12), U32(13), U32(14), U32(15), U32(16), U32(17));
	COUNTERS(&f->m, 5, U32(100), U64(1), U32(2), U32(3), U32(4), U32(5));
	COUNTERS(&f->m, 0x1000 * 4413 + 7, U8(1), U8(2));
	sample_end(&f->m);
	decode(f);
	assert_faults(f, "");
	assert_told(&told,
		    "host 11 hostname=host1\nhost 11 uuid=00000000000000010000000000000002\nhost 11 machine_type=3\nhost 11 os_name=2\n"
		    "host 11 os_release=6.10\n"
		    "processor 11 cpu_5s_centipercent=250\nprocessor 11 cpu_5m_centipercent=90\nprocessor 11 total_memory=1000\n"
		    "host_cpu 11 load_1m_milli=1500\nhost_cpu 11 proc_run=1\nhost_cpu 11 proc_total=2\nhost_cpu 11 cpu_num=3\n"
		    "host_cpu 11 cpu_speed=4\nhost_cpu 11 uptime=5\nhost_cpu 11 cpu_user=6\nhost_cpu 11 cpu_nice=7\n"
		    "host_cpu 11 cpu_system=8\nhost_cpu 11 cpu_idle=9\nhost_cpu 11 cpu_wio=10\nhost_cpu 11 cpu_intr=11\n"
		    "host_cpu 11 cpu_sintr=12\nhost_cpu 11 interrupts=13\nhost_cpu 11 contexts=14\n"
		    "vlan 100 octets=1\nvlan 100 ucast_pkts=2\nvlan 100 multicast_pkts=3\nvlan 100 broadcast_pkts=4\n"
		    "vlan 100 discards=5\n"
		    "counters 4413:7 11 record=0102\n");
}

/* A record that is too short tells what is there; what ends inside a record is lost from there on. */
static void test_short(void **state)
{
	struct fixture *f = *state;

	told_begin(&told, f);
	counters_begin(&f->m, false);
	COUNTERS(&f->m, 5, U32(100), U64(1), U32(2), U16(3));
	COUNTERS(&f->m, 1005, U32(200), 'e', 't', 'h', '0');
	COUNTERS(&f->m, 1005, U32(4), 'e', 't', 'h', '0');
	sample_end(&f->m);
	decode(f);
	assert_faults(f, "sflow_record=2");
	assert_told(&told, "vlan 100 octets=1\nvlan 100 ucast_pkts=2\ninterface 11 interfaceName=eth0\n");
	counters_begin(&f->m, false);
	count(&f->m, records_at);
	PUT(&f->m, U32(5), U32(900), U32(1));
	sample_end(&f->m);
	decode(f);
	assert_faults(f, "sflow_sample sflow_record=2");
	assert_told(&told, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_interface),
		FIXTURE_TEST(test_host),
		FIXTURE_TEST(test_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
