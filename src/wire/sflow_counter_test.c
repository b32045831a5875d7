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
		    "host_cpu 11 cpu_sintr=12\nhost_cpu 11 interrupts=13\nhost_cpu 11 contexts=14\nhost_cpu 11 cpu_steal=15\n"
		    "host_cpu 11 cpu_guest=16\nhost_cpu 11 cpu_guest_nice=17\n"
		    "vlan 100 octets=1\nvlan 100 ucast_pkts=2\nvlan 100 multicast_pkts=3\nvlan 100 broadcast_pkts=4\n"
		    "vlan 100 discards=5\n"
		    "counters 4413:7 11 record=0102\n");
}

/* Records of plain numbers: filled with 1, 2, 3 … each word, so that the last line tells whether all widths are right. */
static void test_plain_numbers(void **state)
{
	static const struct {
		uint32_t format, words, lines;
		const char *first, *last;
	} cases[] = {
		{2, 13, 13, "ethernet 11 alignment_errors=1", "ethernet 11 symbol_errors=13"},
		{3, 18, 18, "token_ring 11 line_errors=1", "token_ring 11 freq_errors=18"},
		{4, 20, 14, "vg 11 in_high_priority_frames=1", "vg 11 hc_out_high_priority_octets=81604378644"},
		{6, 20, 20, "ieee80211 11 transmitted_fragments=1", "ieee80211 11 qos_cf_polls_lost=20"},
		{8, 6, 6, "slow_path 11 unknown=1", "slow_path 11 control=6"},
		{9, 16, 14, "infiniband 11 xmit_pkts=4294967298", "infiniband 11 vl15_dropped=16"},
		{1002, 3, 3, "radio 11 elapsed_ms=1", "radio 11 on_channel_busy_ms=3"},
		{1003, 13, 12, "queue 11 queue1_segment_bytes=2", "queue 11 queue1_dropped=13"},
		{1004, 3, 2, "openflow_port 11 datapath_id=4294967298", "openflow_port 11 port_no=3"},
		{2002, 2, 2, "host_parent 11 container_class=1", "host_parent 11 container_index=2"},
		{2003, 17, 17, "host_cpu 11 load_1m_milli=0", "host_cpu 11 contexts=17"},
		{2004, 18, 11, "host_memory 11 mem_total=4294967298", "host_memory 11 swap_out=18"},
		{2005, 13, 9, "host_disk_io 11 disk_total=4294967298", "host_disk_io 11 write_time=13"},
		{2006, 10, 8, "host_net_io 11 bytes_in=4294967298", "host_net_io 11 drops_out=10"},
		{2007, 19, 19, "host_ip 11 ip_forwarding=1", "host_ip 11 ip_frag_creates=19"},
		{2008, 25, 25, "host_icmp 11 icmp_in_msgs=1", "host_icmp 11 icmp_out_addr_mask_reps=25"},
		{2009, 15, 15, "host_tcp 11 tcp_rto_algorithm=1", "host_tcp 11 tcp_in_csum_errs=15"},
		{2010, 7, 7, "host_udp 11 udp_in_datagrams=1", "host_udp 11 udp_in_csum_errors=7"},
		{2100, 7, 5, "virt_node 11 mhz=1", "virt_node 11 num_domains=7"},
		{2101, 3, 3, "virt_cpu 11 state=1", "virt_cpu 11 nr_virt_cpu=3"},
		{2102, 4, 2, "virt_memory 11 memory=4294967298", "virt_memory 11 max_memory=12884901892"},
		{2103, 13, 8, "virt_disk_io 11 capacity=4294967298", "virt_disk_io 11 errs=13"},
		{2104, 10, 8, "virt_net_io 11 rx_bytes=4294967298", "virt_net_io 11 tx_drop=10"},
		{2106, 25, 17, "jvm 11 heap_initial=4294967298", "jvm 11 threads_started=25"},
		{2106, 27, 19, "jvm 11 heap_initial=4294967298", "jvm 11 fd_max=27"},
		{2200, 36, 33, "memcache 11 uptime=1", "memcache 11 evictions=36"},
		{2201, 15, 15, "http 11 method_option=1", "http 11 status_other=15"},
		{2203, 10, 8, "app 11 user_ms=1", "app 11 conn_max=10"},
		{2204, 35, 31, "memcache 11 cmd_set=1", "memcache 11 limit_maxbytes=146028888099"},
		{2206, 5, 5, "app 11 workers_active=1", "app 11 req_dropped=5"},
		{2207, 6, 6, "ovs_datapath 11 hits=1", "ovs_datapath 11 masks=6"},
		{3000, 6, 6, "energy 11 millivolt=1", "energy 11 errors=6"},
		{3001, 3, 3, "temperature 11 minimum_decicelsius=1", "temperature 11 errors=3"},
		{3002, 1, 1, "humidity 11 relative_percent=1", "humidity 11 relative_percent=1"},
		{3003, 3, 3, "fans 11 total=1", "fans 11 speed_percent=3"},
		{4413 << 12 | 1, 2, 2, "buffers 11 unicast_centipercent=1", "buffers 11 multicast_centipercent=2"},
		{4413 << 12 | 3, 36, 36, "hardware_tables 11 host_entries=1", "hardware_tables 11 acl_egress_slices_max=36"},
		{5703 << 12 | 1, 12, 10, "gpu 11 device_count=1", "gpu 11 fan_speed_percent=12"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t record, lines = 0;
		const char *last = told.text;

		told_begin(&told, f);
		counters_begin(&f->m, true);
		count(&f->m, records_at);
		record = part_open(&f->m, cases[i].format);
		for (uint32_t word = 1; word <= cases[i].words; word++)
			PUT(&f->m, U32(word));
		part_close(&f->m, record);
		sample_end(&f->m);
		decode(f);
		assert_faults(f, "");
		for (const char *p = told.text; *p; p = strchr(p, '\n') + 1, lines++)
			last = p;
		if (lines != cases[i].lines || strncmp(told.text, cases[i].first, strlen(cases[i].first)) != 0 ||
		    strncmp(last, cases[i].last, strlen(cases[i].last)) != 0)
			fail_msg("counters %u:%u: %zu lines, the last is %s", cases[i].format >> 12, cases[i].format & 0xfff, lines, last);
	}
}

/* Addresses, texts, lists, and what can be below zero. */
static void test_lists_and_texts(void **state)
{
	struct fixture *f = *state;

	told_begin(&told, f);
	counters_begin(&f->m, false);
	COUNTERS(&f->m, 7, 2, 0, 0, 0, 0, 1, 0, 0, 2, 0, 0, 0, 0, 2, 0, 0, U32(5), U32(0x3d3d3f3f), U32(1), U32(2), U32(3), U32(4), U32(5),
		 U32(6), U32(7), U32(8));
	COUNTERS(&f->m, 10, U32(3), U32(4), U32(3300), U32(-2500), U32(2), U32(1), U32(11), U32(12), U32(13), U32(14), U32(1550), U32(16),
		 U32(17), U32(18), U32(1551), U32(4), U32(ALL_ONES), U32(22), U32(23), U32(24), U32(1310), U32(26), U32(27), U32(28),
		 U32(1311));
	COUNTERS(&f->m, 2001, U32(2), U32(7), U32(2), 2, 0, 0, 0, 0, 7, 0, 0, 2, 0, 0, 0, 0, 8, 0, 0, U32(9), U32(0));
	COUNTERS(&f->m, 2105, U32(3), 'v', 'm', '1', 0, U32(0), U32(4), '2', '1', '.', '0');
	COUNTERS(&f->m, 2202, U32(4), 's', 'h', 'o', 'p', U32(1), U32(2), U32(3), U32(4), U32(5), U32(6), U32(7), U32(8), U32(9), U32(10),
		 U32(11));
	COUNTERS(&f->m, 3000, U32(230000), U32(ALL_ONES), U32(1), U32(0x7fffffff), U32(2), U32(3));
	COUNTERS(&f->m, 3000, U32(ALL_ONES), U32(ALL_ONES), U32(1), U32(0x80000001), U32(2), U32(3));
	COUNTERS(&f->m, 4413 << 12 | 2, U32(1), U32(2), U32(3), U32(4), U32(2), U32(5), U32(6), U32(1), U32(7));
	sample_end(&f->m);
	decode(f);
	assert_faults(f, "");
	assert_told(&told,
		    "lag 11 actor_system_id=02:00:00:00:00:01\nlag 11 partner_oper_system_id=02:00:00:00:00:02\n"
		    "lag 11 attached_agg_id=5\nlag 11 port_state=1027424063\nlag 11 lacpdus_rx=1\nlag 11 marker_pdus_rx=2\n"
		    "lag 11 marker_response_pdus_rx=3\nlag 11 unknown_rx=4\nlag 11 illegal_rx=5\nlag 11 lacpdus_tx=6\n"
		    "lag 11 marker_pdus_tx=7\nlag 11 marker_response_pdus_tx=8\n"
		    "optics 11 module_id=3\noptics 11 module_num_lanes=4\noptics 11 module_supply_millivolt=3300\n"
		    "optics 11 module_millicelsius_below_zero=2500\noptics 11 lane1_tx_bias_microampere=11\n"
		    "optics 11 lane1_tx_microwatt=12\noptics 11 lane1_tx_min_microwatt=13\noptics 11 lane1_tx_max_microwatt=14\n"
		    "optics 11 lane1_tx_wavelength_nm=1550\noptics 11 lane1_rx_microwatt=16\noptics 11 lane1_rx_min_microwatt=17\n"
		    "optics 11 lane1_rx_max_microwatt=18\noptics 11 lane1_rx_wavelength_nm=1551\noptics 11 lane4_tx_microwatt=22\n"
		    "optics 11 lane4_tx_min_microwatt=23\noptics 11 lane4_tx_max_microwatt=24\noptics 11 lane4_tx_wavelength_nm=1310\n"
		    "optics 11 lane4_rx_microwatt=26\noptics 11 lane4_rx_min_microwatt=27\noptics 11 lane4_rx_max_microwatt=28\n"
		    "optics 11 lane4_rx_wavelength_nm=1311\n"
		    "host_adapter 7 mac_address=02:00:00:00:00:07\nhost_adapter 7 mac_address=02:00:00:00:00:08\n"
		    "jvm 11 vm_name=vm1\njvm 11 vm_version=21.0\n"
		    "app 11 application=shop\napp 11 success=1\napp 11 other=2\napp 11 timeout=3\napp 11 internal_error=4\n"
		    "app 11 bad_request=5\napp 11 forbidden=6\napp 11 too_large=7\napp 11 not_implemented=8\napp 11 not_found=9\n"
		    "app 11 unavailable=10\napp 11 unauthorized=11\n"
		    "energy 11 millivolt=230000\nenergy 11 milliwatt=1\nenergy 11 millijoule=2\nenergy 11 errors=3\n"
		    "energy 11 milliwatt=1\nenergy 11 millijoule=2\nenergy 11 errors=3\n"
		    "port_buffers 11 ingress_unicast_centipercent=1\nport_buffers 11 ingress_multicast_centipercent=2\n"
		    "port_buffers 11 egress_unicast_centipercent=3\nport_buffers 11 egress_multicast_centipercent=4\n"
		    "port_buffers 11 egress_queue_unicast_centipercent_0=5\nport_buffers 11 egress_queue_unicast_centipercent_1=6\n"
		    "port_buffers 11 egress_queue_multicast_centipercent_0=7\n");
	/* Lists that claim more than there is. */
	counters_begin(&f->m, false);
	COUNTERS(&f->m, 10, U32(3), U32(4), U32(3300), U32(2500), U32(ALL_ONES), U32(1), U32(11));
	COUNTERS(&f->m, 2001, U32(ALL_ONES), U32(7), U32(ALL_ONES), 2, 0, 0, 0, 0, 7);
	COUNTERS(&f->m, 4413 << 12 | 2, U32(1), U32(2), U32(3), U32(4), U32(ALL_ONES), U32(5));
	sample_end(&f->m);
	decode(f);
	assert_faults(f, "sflow_record=3");
}

/* A port's name is in the flows of that agent; that of another kind of source is no port's. */
static void test_port_names(void **state)
{
	struct fixture *f = *state;
	struct weir_vocabulary *vocabulary;

	assert_int_equal(weir_vocabulary_new(&weir_vocabulary_limits_default, 1, &vocabulary), 0);
	weir_decoder_vocabulary(f->decoder, vocabulary);
	counters_begin(&f->m, true);
	COUNTERS(&f->m, 1005, U32(5), 's', 'w', 'p', '1', '1', 0, 0, 0);
	sample_end(&f->m);
	count(&f->m, HEADER_LEN - 4);
	sample_at = part_open(&f->m, 4);
	PUT(&f->m, U32(77), U32(3), U32(12), U32(0));
	records_at = weir_writer_len(&f->m.w) - 4;
	COUNTERS(&f->m, 1005, U32(4), 'g', 'u', 's', 't');
	sample_end(&f->m);
	sample(&f->m);
	decode(f);
	assert_faults(f, "");
	assert_cell(f, 0, IN_IF, "11");
	assert_cell(f, 0, IN_IF_NAME, "swp11");
	assert_cell(f, 0, OUT_IF_NAME, "");
	f->block->vocabulary = NULL;
	weir_vocabulary_free(vocabulary);
}

/* The agent's own name is in its flows too. */
static void test_host_name(void **state)
{
	struct fixture *f = *state;
	struct weir_vocabulary *vocabulary;

	assert_int_equal(weir_vocabulary_new(&weir_vocabulary_limits_default, 1, &vocabulary), 0);
	weir_decoder_vocabulary(f->decoder, vocabulary);
	counters_begin(&f->m, true);
	COUNTERS(&f->m, 2000, U32(5), 'h', 'o', 's', 't', '1', 0, 0, 0, U64(1), U64(2), U32(3), U32(2), U32(4), '6', '.', '1', '0');
	sample_end(&f->m);
	sample(&f->m);
	decode(f);
	assert_faults(f, "");
	assert_cell(f, 0, EXPORTER_NAME, "host1");
	f->block->vocabulary = NULL;
	weir_vocabulary_free(vocabulary);
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
		FIXTURE_TEST(test_plain_numbers),
		FIXTURE_TEST(test_lists_and_texts),
		FIXTURE_TEST(test_port_names),
		FIXTURE_TEST(test_host_name),
		FIXTURE_TEST(test_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
