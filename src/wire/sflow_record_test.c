#include "wire/sflow_testing.h"

static void test_raw_headers_by_protocol(void **state)
{
	struct fixture *f = *state;

	sflow_begin(&f->m, 0);
	for (uint32_t protocol = 1; protocol <= 15; protocol++) {
		sample_begin(&f->m);
		count(&f->m, records_at);
		switch (protocol) {
		case 1:
			RECORD(&f->m, 1, U32(protocol), U32(100), U32(0), U32(42), FRAME, U16(0));
			break;
		case 13:
			RECORD(&f->m, 1, U32(protocol), U32(100), U32(0), U32(32), U32(16 << 12 | 0x100), IPV4_UDP);
			break;
		case 7:
		case 14:
			RECORD(&f->m, 1, U32(protocol), U32(100), U32(0), U32(32), 0xff, 3, U16(0x21), IPV4_UDP);
			break;
		case 12:
			RECORD(&f->m, 1, U32(protocol), U32(100), U32(0), U32(40), U32(6U << 28), U16(0), 59, 64, U64(1), U64(2),
			       U64(3), U64(4));
			break;
		default:
			RECORD(&f->m, 1, U32(protocol), U32(100), U32(0), U32(28), IPV4_UDP);
			break;
		}
		sample_end(&f->m);
	}
	decode(f);
	assert_faults(f, "sflow_header_protocol=9");
	assert_int_equal(f->block->rows, 15);
	for (uint32_t row = 0; row < 15; row++) {
		uint32_t protocol = row + 1;
		bool known = protocol == 1 || protocol == 7 || (protocol >= 11 && protocol <= 14);

		assert_cell(f, row, BYTES, "100");
		assert_cell(f, row, IP_VERSION, known ? (protocol == 12 ? "6" : "4") : "-");
		assert_cell(f, row, MPLS_LABEL_1, protocol == 13 ? "16" : "-");
	}
}

static void test_sampled_ethernet_and_ip(void **state)
{
	struct fixture *f = *state;

	sflow_begin(&f->m, 0);
	sample_begin(&f->m);
	IPV4_RECORD(&f->m);
	sample_end(&f->m);
	sample_begin(&f->m);
	count(&f->m, records_at);
	RECORD(&f->m, 4, U32(2000), U32(58), U64(0x20010db800000000), U64(1), U64(0x20010db800000000), U64(2), U32(0), U32(0),
	       U32(0), U32(0x60));
	count(&f->m, records_at);
	RECORD(&f->m, 2, U32(2018), 2, 0, 0, 0, 0, 1, U16(0), 2, 0, 0, 0, 0, 2, U16(0), U32(0x86dd));
	sample_end(&f->m);
	decode(f);
	assert_faults(f, "");
	assert_cell(f, 0, BYTES, "1000");
	assert_cell(f, 0, SRC_ADDR, "10.0.0.3");
	assert_cell(f, 0, DST_ADDR, "10.0.0.4");
	assert_cell(f, 0, IP_VERSION, "4");
	assert_cell(f, 0, PROTO, "6");
	assert_cell(f, 0, SRC_PORT, "1025");
	assert_cell(f, 0, DST_PORT, "80");
	assert_cell(f, 0, TCP_FLAGS, "18");
	assert_cell(f, 0, IP_TOS, "184");
	assert_cell(f, 0, SRC_MAC, "-");
	assert_cell(f, 1, BYTES, "2018");
	assert_cell(f, 1, SRC_ADDR, "2001:db8::1");
	assert_cell(f, 1, DST_ADDR, "2001:db8::2");
	assert_cell(f, 1, IP_VERSION, "6");
	assert_cell(f, 1, PROTO, "58");
	assert_cell(f, 1, IP_TOS, "96");
	assert_cell(f, 1, SRC_MAC, "02:00:00:00:00:01");
	assert_cell(f, 1, DST_MAC, "02:00:00:00:00:02");
	assert_cell(f, 1, ETHERTYPE, "34525");
}

/* Of the records that tell a length, the frame's wins, first or last. */
static void test_bytes_are_the_frames(void **state)
{
	struct fixture *f = *state;

	sflow_begin(&f->m, 0);
	sample_begin(&f->m);
	HEADER_RECORD(&f->m);
	IPV4_RECORD(&f->m);
	sample_end(&f->m);
	sample_begin(&f->m);
	IPV4_RECORD(&f->m);
	HEADER_RECORD(&f->m);
	sample_end(&f->m);
	sample_begin(&f->m);
	sample_end(&f->m);
	decode(f);
	assert_faults(f, "");
	assert_cell(f, 0, BYTES, "1018");
	assert_cell(f, 1, BYTES, "1018");
	assert_cell(f, 2, BYTES, "-");
	assert_cell(f, 2, PACKETS, "1");
}

static void test_extended_switch_and_router(void **state)
{
	struct fixture *f = *state;

	sflow_begin(&f->m, 0);
	sample_begin(&f->m);
	count(&f->m, records_at);
	RECORD(&f->m, 1001, U32(100), U32(5), U32(200), U32(0));
	count(&f->m, records_at);
	RECORD(&f->m, 1, U32(1), U32(1022), U32(4), U32(46), MACS, U16(0x8100), U16(7), U16(0x0800), IPV4_UDP, U16(0));
	count(&f->m, records_at);
	RECORD(&f->m, 1002, U32(1), IP(192, 0, 2, 99), U32(24), U32(16));
	sample_end(&f->m);
	sample_begin(&f->m);
	count(&f->m, records_at);
	RECORD(&f->m, 1001, U32(ALL_ONES), U32(ALL_ONES), U32(ALL_ONES), U32(ALL_ONES));
	count(&f->m, records_at);
	RECORD(&f->m, 1, U32(1), U32(1022), U32(4), U32(46), MACS, U16(0x8100), U16(7), U16(0x0800), IPV4_UDP, U16(0));
	count(&f->m, records_at);
	RECORD(&f->m, 1002, U32(2), U64(0x20010db800000000), U64(1), U32(48), U32(0));
	sample_end(&f->m);
	decode(f);
	assert_faults(f, "");
	assert_cell(f, 0, SRC_VLAN, "100"); /* the switch's word, not the frame's */
	assert_cell(f, 0, DST_VLAN, "200");
	assert_extra(f, 0, "src_priority", "5");
	assert_extra(f, 0, "dst_priority", "-");
	assert_cell(f, 0, NEXT_HOP, "192.0.2.99");
	assert_cell(f, 0, SRC_MASK, "24");
	assert_cell(f, 0, DST_MASK, "16");
	assert_cell(f, 1, SRC_VLAN, "7");
	assert_cell(f, 1, DST_VLAN, "-");
	assert_extra(f, 1, "src_priority", "-");
	assert_cell(f, 1, NEXT_HOP, "2001:db8::1");
	assert_cell(f, 1, SRC_MASK, "48");
	assert_cell(f, 1, DST_MASK, "0");
}

static void test_extended_gateway(void **state)
{
	struct fixture *f = *state;

	sflow_begin(&f->m, 0);
	sample_begin(&f->m);
	count(&f->m, records_at);
	RECORD(&f->m, 1003, U32(1), IP(192, 0, 2, 1), U32(65000), U32(65010), U32(65011), U32(3), U32(2), U32(2), U32(65001),
	       U32(4200000000U), U32(1), U32(2), U32(65003), U32(65004), U32(2), U32(0), U32(2), U32(65000U << 16 | 100),
	       U32(ALL_ONES), U32(120));
	sample_end(&f->m);
	sample_begin(&f->m);
	count(&f->m, records_at);
	RECORD(&f->m, 1003, U32(0), U32(65000), U32(0), U32(0), U32(0), U32(0), U32(0));
	sample_end(&f->m);
	decode(f);
	assert_faults(f, "");
	assert_cell(f, 0, BGP_NEXT_HOP, "192.0.2.1");
	assert_cell(f, 0, SRC_AS, "65010");
	assert_cell(f, 0, NEXT_HOP_AS, "65001");
	assert_cell(f, 0, DST_AS, "65004");
	assert_extra(f, 0, "router_as", "65000");
	assert_extra(f, 0, "src_peer_as", "65011");
	assert_extra(f, 0, "dst_as_path", "65001 4200000000 {65003 65004}");
	assert_extra(f, 0, "communities", "65000:100 65535:65535");
	assert_extra(f, 0, "localpref", "120");
	assert_cell(f, 1, BGP_NEXT_HOP, "-");
	assert_cell(f, 1, DST_AS, "0");
	assert_cell(f, 1, NEXT_HOP_AS, "0");
	assert_extra(f, 1, "dst_as_path", "-");
	assert_extra(f, 1, "communities", "-");
}

/* What the first row has beyond the columns of every sample: "column=value … extra=value … ". */
static void describe(const struct fixture *f, char *text, size_t size)
{
	static const enum weir_column_id common[] = {
		WEIR_COL_TIME_RECEIVED, WEIR_COL_TIME_START, WEIR_COL_TIME_END, WEIR_COL_EXPORTER_ADDR, WEIR_COL_FLOW_TYPE,
		WEIR_COL_OBSERVATION_DOMAIN, WEIR_COL_SEQUENCE_NUM, WEIR_COL_SAMPLING_RATE, WEIR_COL_PACKETS, WEIR_COL_IN_IF,
		WEIR_COL_OUT_IF, WEIR_COL_DIRECTION};
	const struct weir_block *b = f->block;
	struct weir_column_set present;
	size_t len = 0;

	assert_int_equal(b->rows, 1);
	present = b->run[0].present;
	for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
		weir_column_set_remove(&present, common[i]);
	text[0] = '\0';
	for (unsigned i = 0; i < WEIR_COLUMNS; i++) {
		if (weir_column_set_has(&present, (enum weir_column_id)i))
			len += (size_t)snprintf(text + len, size - len, "%s=%s ", weir_columns[i].name,
						cell(f, 0, (enum weir_column_id)i));
	}
	for (uint32_t i = 0; i < b->extras; i++)
		len += (size_t)snprintf(text + len, size - len, "%.*s=%.*s ", (int)b->extra[i].name.len,
					weir_block_text(b, b->extra[i].name), (int)b->extra[i].value.len,
					weir_block_text(b, b->extra[i].value));
	assert_true(len < size);
}

/* Records that are rows of data: what they are in columns, and in extra. */
#define RECORD_BYTES(...)                           \
	.data = (const uint8_t[]){__VA_ARGS__},     \
	.len = sizeof((const uint8_t[]){__VA_ARGS__})
#define TUNNEL4 U32(1500), U32(17), IP(192, 0, 2, 1), IP(192, 0, 2, 2), U32(1000), U32(4789), U32(0), U32(0xb8)
#define TUNNEL6 U32(1500), U32(47), U64(0x20010db800000000), U64(1), U64(0x20010db800000000), U64(2), U32(0), U32(0), U32(0), U32(1)

static const struct other_case {
	uint32_t format;
	const uint8_t *data;
	size_t len;
	const char *text;
} OTHER[] = {
	{1004, RECORD_BYTES(U32(106), U32(5), 'a', 'l', 'i', 'c', 'e', 0, 0, 0, U32(106), U32(3), 'b', 'o', 'b', 0),
	 "user_name=alice dst_user=bob "},
	{1004, RECORD_BYTES(U32(106), U32(0), U32(106), U32(3), 'b', 'o', 'b'), "dst_user=bob "}, /* without padding */
	{1005, RECORD_BYTES(U32(1), U32(6), '/', 'i', 'n', 'd', 'e', 'x', 0, 0, U32(4), 'h', 'o', 's', 't'),
	 "url_direction=1 url=/index url_host=host "},
	{1006, RECORD_BYTES(U32(1), IP(192, 0, 2, 9), U32(2), U32(16 << 12), U32(17 << 12 | 0x100), U32(1), U32(18 << 12 | 0x1ff)),
	 "next_hop=192.0.2.9 mpls_label_1=16 mpls_label_2=17 out_label_stack=18 "},
	{1006, RECORD_BYTES(U32(0), U32(4), U32(1 << 12), U32(2 << 12), U32(3 << 12), U32(4 << 12), U32(0)),
	 "mpls_label_1=1 mpls_label_2=2 mpls_label_3=3 in_label_stack=1 2 3 4 "},
	{1007, RECORD_BYTES(U32(1), IP(198, 51, 100, 1), U32(2), U64(0x20010db800000000), U64(5)),
	 "post_nat_src_addr=198.51.100.1 post_nat_dst_addr=2001:db8::5 "},
	{1008, RECORD_BYTES(U32(3), 'l', 's', 'p', 0, U32(7), U32(5)), "mpls_tunnel_name=lsp mpls_tunnel_id=7 mpls_tunnel_cos=5 "},
	{1009, RECORD_BYTES(U32(2), 'v', 'c', 0, 0, U32(7), U32(5)), "mpls_vc_name=vc mpls_vll_vc_id=7 mpls_vc_cos=5 "},
	{1010, RECORD_BYTES(U32(0), U32(8)), "mpls_ftn_mask=8 "},
	{1011, RECORD_BYTES(U32(24)), "mpls_fec_prefix_length=24 "},
	{1012, RECORD_BYTES(U32(2), U32(0x88a80064), U32(0x8100e0c8)), "vlan_stack=100 200 "},
	{1013, RECORD_BYTES(U32(0x000fac04), U32(3), 0xaa, 0xaa, 3, 0), "ieee80211_cipher_suite=1027076 ieee80211_payload=aaaa03 "},
	{1014, RECORD_BYTES(U32(5), 'g', 'u', 'e', 's', 't', 0, 0, 0, 2, 0, 0, 0, 0, 9, U16(0), U32(4), U32(36), U64(54000000), U32(30),
			    U32(180), U32(250)),
	 "ssid=guest bssid=02:00:00:00:00:09 ieee80211_version=4 ieee80211_channel=36 ieee80211_speed=54000000 ieee80211_rsni=30 "
	 "ieee80211_rcpi=180 ieee80211_duration_us=250 "},
	{1015, RECORD_BYTES(U32(4), 'c', 'o', 'r', 'p', 2, 0, 0, 0, 0, 9, U16(0), U32(4), U32(2), U32(250), U32(300), U32(36), U64(54000000),
			    U32(100)),
	 "ssid=corp bssid=02:00:00:00:00:09 ieee80211_version=4 ieee80211_transmissions=2 ieee80211_duration_us=250 "
	 "ieee80211_retrans_us=300 ieee80211_channel=36 ieee80211_speed=54000000 ieee80211_power_mw=100 "},
	{1017, RECORD_BYTES(U64(77), U32(0x3fffff), U32(1)), "openflow_cookie=77 openflow_wildcards=4194303 openflow_actions=1 "},
	{1018, RECORD_BYTES(U32(8), U32(16), U32(0x010203), U32(5)), "fc_src_mask=8 fc_dst_mask=16 fc_next_hop=66051 fc_metric=5 "},
	{1019, RECORD_BYTES(U32(2), U32(900)), "queue_index=2 queue_length=900 "},
	{1020, RECORD_BYTES(U32(40000), U32(443)), "post_nat_src_port=40000 post_nat_dst_port=443 "},
	{1022, RECORD_BYTES(U32(64), 2, 0, 0, 0, 0, 1, U16(0), 2, 0, 0, 0, 0, 2, U16(0), U32(0x0800)),
	 "tunnel_ingress_src_mac=02:00:00:00:00:01 tunnel_ingress_dst_mac=02:00:00:00:00:02 tunnel_ingress_ethertype=2048 "},
	{1023, RECORD_BYTES(TUNNEL4),
	 "tunnel_egress_proto=17 tunnel_egress_src_addr=192.0.2.1 tunnel_egress_dst_addr=192.0.2.2 "
	 "tunnel_egress_src_port=1000 tunnel_egress_dst_port=4789 tunnel_egress_tos=184 "},
	{1026, RECORD_BYTES(TUNNEL6),
	 "tunnel_ingress_proto=47 tunnel_ingress_src_addr=2001:db8::1 tunnel_ingress_dst_addr=2001:db8::2 "
	 "tunnel_ingress_src_port=0 tunnel_ingress_dst_port=0 tunnel_ingress_tos=1 "},
	{1028, RECORD_BYTES(U32(50)), "decapsulate_ingress=50 "},
	{1029, RECORD_BYTES(U32(5000)), "vni=5000 "},
	{1030, RECORD_BYTES(U32(5001)), "vni=5001 "},
	{1031, RECORD_BYTES(U32(1), U32(2), U32(3), U32(4), U32(5), U32(6), U32(7), U32(8), U32(9), U32(10)),
	 "ib_src_vl=1 ib_src_sl=2 ib_src_dlid=3 ib_src_slid=4 ib_src_lnh=5 ib_dst_vl=6 ib_dst_sl=7 ib_dst_dlid=8 ib_dst_slid=9 "
	 "ib_dst_lnh=10 "},
	{1032, RECORD_BYTES(U32(1), U32(2), U64(0xfe80000000000000), U64(3), U64(0xfe80000000000000), U64(4), U32(27), U32(5)),
	 "ib_flow_label=1 ib_traffic_class=2 ib_src_gid=fe80::3 ib_dst_gid=fe80::4 ib_next_header=27 ib_length=5 "},
	{1033, RECORD_BYTES(U32(0xffff), U32(7), U32(4)), "ib_pkey=65535 ib_dst_qp=7 ib_opcode=4 "},
	{1034, RECORD_BYTES(U32(2), U32(0x88a80064), U32(0x8100e0c8)), "vlan_stack_in=100 200 "},
	{1035, RECORD_BYTES(U32(1), U32(0x8100012c)), "vlan_stack_out=300 "},
	{1036, RECORD_BYTES(U32(3)), "egress_queue=3 "},
	{1037, RECORD_BYTES(U32(10), U32(4), 'd', 'e', 'n', 'y', U32(1)), "acl_number=10 acl_name=deny acl_direction=1 "},
	{1038, RECORD_BYTES(U32(6), 'i', 'p', '_', 'r', 'c', 'v', 0, 0), "function=ip_rcv "},
	{1039, RECORD_BYTES(U32(900)), "transit_delay_ns=900 "},
	{1040, RECORD_BYTES(U32(70000)), "queue_depth_bytes=70000 "},
	{1041, RECORD_BYTES(U32(2), 'l', '3', 0, 0, U32(3), 't', 't', 'l', 0), "hw_trap_group=l3 hw_trap=ttl "},
	{1042, RECORD_BYTES(U32(4), 'T', 'C', 'P', '_'), "linux_drop_reason=TCP_ "},
	{2000, RECORD_BYTES(U32(1), U32(2), U32(3), U32(0), U64(5000000000), U64(6)),
	 "transaction_direction=1 transaction_wait_us=2 transaction_us=3 transaction_status=0 transaction_bytes_in=5000000000 "
	 "transaction_bytes_out=6 "},
	{2001, RECORD_BYTES(U32(4), '/', 'v', 'a', 'r', U32(25), U32(0)), "nfs_path=/var nfs_operation=25 nfs_status=0 "},
	{2002, RECORD_BYTES(U32(1), U32(40), U32(2)), "scsi_lun=1 scsi_operation=40 scsi_status=2 "},
	{2003, RECORD_BYTES(U32(2), '/', 'a', 0, 0, U32(1), 'h', 0, 0, 0, U32(0), U32(0), U32(3), 'b', 'o', 'b', 0, U32(200)),
	 "user_name=bob url=/a url_host=h http_status=200 "},
	{2100, RECORD_BYTES(U32(6), IP(192, 0, 2, 1), IP(192, 0, 2, 2), U32(80), U32(50000)),
	 "src_addr=192.0.2.1 dst_addr=192.0.2.2 src_port=80 dst_port=50000 proto=6 "},
	{2101, RECORD_BYTES(U32(6), U64(0x20010db800000000), U64(1), U64(0x20010db800000000), U64(2), U32(80), U32(50000)),
	 "src_addr=2001:db8::1 dst_addr=2001:db8::2 src_port=80 dst_port=50000 proto=6 "},
	{2102, RECORD_BYTES(U32(6), IP(192, 0, 2, 1), IP(192, 0, 2, 2), U32(40000), U32(8080)),
	 "proxy_proto=6 proxy_local_addr=192.0.2.1 proxy_remote_addr=192.0.2.2 proxy_local_port=40000 proxy_remote_port=8080 "},
	{2103, RECORD_BYTES(U32(6), U64(0x20010db800000000), U64(1), U64(0x20010db800000000), U64(2), U32(40000), U32(8080)),
	 "proxy_proto=6 proxy_local_addr=2001:db8::1 proxy_remote_addr=2001:db8::2 proxy_local_port=40000 proxy_remote_port=8080 "},
	{2200, RECORD_BYTES(U32(1), U32(7), U32(3), 'k', 'e', 'y', 0, U32(1), U32(500), U32(90), U32(1)),
	 "memcache_protocol=1 memcache_command=7 memcache_key=key memcache_keys=1 memcache_value_bytes=500 memcache_us=90 "
	 "memcache_status=1 "},
	{2201, RECORD_BYTES(U32(2), U32(1), '/', 0, 0, 0, U32(1), 'h', 0, 0, 0, U32(0), U32(0), U32(0), U32(1), 'u', 0, 0, 0, U32(0), U64(1),
			    U64(2), U32(3), U32(404)),
	 "user_name=u http_method=2 url=/ url_host=h http_request_bytes=1 http_response_bytes=2 http_us=3 http_status=404 "},
	{2202, RECORD_BYTES(U32(4), 's', 'h', 'o', 'p', U32(3), 'p', 'a', 'y', 0, U32(0), U32(2), 'n', 'o', 0, 0, U64(1), U64(2), U32(3),
			    U32(5)),
	 "application_name=shop app_operation=pay app_status_text=no app_request_bytes=1 app_response_bytes=2 app_us=3 app_status=5 "},
	{2203, RECORD_BYTES(U32(3), 'w', 'e', 'b', 0, U32(3), 'g', 'e', 't', 0, U32(0)), "app_parent_name=web app_parent_operation=get "},
	{2204, RECORD_BYTES(U32(4), 'e', 'v', 'e', '1'), "app_initiator=eve1 "},
	{2205, RECORD_BYTES(U32(4), 'b', 'o', 'b', '1'), "app_target=bob1 "},
	{2206, RECORD_BYTES(U32(2), U32(1001), U32(1), '/', 0, 0, 0, U32(1), 'h', 0, 0, 0, U32(1), 'r', 0, 0, 0, U32(1), 'a', 0, 0, 0, U32(1),
			    'x', 0, 0, 0, U32(0), U32(1), 'm', 0, 0, 0, U64(1), U64(2), U32(3), U32(200)),
	 "http_method=2 http_protocol=1001 url=/ url_host=h http_referer=r http_user_agent=a http_forwarded_for=x http_mime_type=m "
	 "http_request_bytes=1 http_response_bytes=2 http_us=3 http_status=200 "},
	{2207, RECORD_BYTES(U32(1), '/', 0, 0, 0, U32(4), 'd', 'o', 'w', 'n'), "proxy_url=/ proxy_url_host=down "},
	{2210, RECORD_BYTES(U32(3), U32(1001), U32(3), U32(1002)),
	 "src_entity_class=3 src_entity_index=1001 dst_entity_class=3 dst_entity_index=1002 "},
	{4413 << 12 | 1, RECORD_BYTES(U32(6)), "egress_queue=6 "},
	{2209, RECORD_BYTES(U32(1), U32(2), U32(3), U32(4), U32(5), U32(6), U32(7), U32(8), U32(9), U32(10), U32(11), U32(12)),
	 "tcp_direction=1 tcp_snd_mss=2 tcp_rcv_mss=3 tcp_unacked=4 tcp_lost=5 tcp_retrans=6 tcp_pmtu=7 tcp_rtt_us=8 "
	 "tcp_rttvar_us=9 tcp_snd_cwnd=10 tcp_reordering=11 tcp_min_rtt_us=12 "},
};

static void test_other_records(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(OTHER) / sizeof(OTHER[0]); i++) {
		/* Whole, and cut to every length: then nothing is kept, unless it was only a last text's padding that went. */
		for (size_t len = OTHER[i].len + 1; len-- > 0;) {
			struct fixture *f = *state;
			uint64_t faults = stats(f)->fault[WEIR_FAULT_SFLOW_RECORD];
			const char *expected;
			char text[1024];
			size_t at;

			weir_block_reset(f->block);
			sflow_begin(&f->m, 0);
			sample_begin(&f->m);
			count(&f->m, records_at);
			at = part_open(&f->m, OTHER[i].format);
			weir_writer_bytes(&f->m.w, OTHER[i].data, len);
			part_close(&f->m, at);
			sample_end(&f->m);
			decode(f);
			describe(f, text, sizeof(text));
			expected = stats(f)->fault[WEIR_FAULT_SFLOW_RECORD] == faults ? OTHER[i].text : "";
			if (strcmp(text, expected) != 0)
				fail_msg("format %u, %zu of %zu bytes: %s, not %s", OTHER[i].format, len, OTHER[i].len, text, expected);
			if (len + 4 <= OTHER[i].len || len == OTHER[i].len)
				assert_int_equal(stats(f)->fault[WEIR_FAULT_SFLOW_RECORD], faults + (len < OTHER[i].len));
		}
	}
}

/* 23 numbers, each under its name; extra has room for what a sample of any record can become. */
static void test_navigation_timing(void **state)
{
	struct fixture *f = *state;
	size_t record;

	sflow_begin(&f->m, 0);
	sample_begin(&f->m);
	count(&f->m, records_at);
	record = part_open(&f->m, 2208);
	for (uint32_t i = 0; i < 23; i++)
		PUT(&f->m, U32(4000000000 + i));
	part_close(&f->m, record);
	sample_end(&f->m);
	decode(f);
	assert_faults(f, "");
	assert_int_equal(f->block->extras, 23);
	assert_extra(f, 0, "nav_type", "4000000000");
	assert_extra(f, 0, "nav_load_end_ms", "4000000022");
}

/* The agent's own time is the packet's, unless its clock is not set. */
static void test_timestamp(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 2; i++) {
		sflow_begin(&f->m, i);
		sample_begin(&f->m);
		count(&f->m, records_at);
		RECORD(&f->m, 1043, U64(i ? 5 : UINT64_C(1000000) * (TEST_MS - 3000) + 999));
		sample_end(&f->m);
		decode(f);
	}
	assert_faults(f, "time_implausible");
	assert_cell(f, 0, TIME_START, "1699999997000");
	assert_cell(f, 0, TIME_END, "1699999997000");
	assert_cell(f, 1, TIME_END, "1700000000500");
	sflow_begin(&f->m, 2);
	sample_begin(&f->m);
	count(&f->m, records_at);
	RECORD(&f->m, 1043, U32(1), U16(0));
	sample_end(&f->m);
	decode(f);
	assert_faults(f, "time_implausible sflow_record");
}

static void test_aggregation(void **state)
{
	struct fixture *f = *state;

	sflow_begin(&f->m, 0);
	sample_begin(&f->m);
	count(&f->m, records_at);
	RECORD(&f->m, 1016, U32(2), U32(0), U32(0));
	count(&f->m, records_at);
	RECORD(&f->m, 1016, U16(2));
	sample_end(&f->m);
	decode(f);
	assert_faults(f, "sflow_record");
	assert_extra(f, 0, "ieee80211_frames", "2");
	assert_extra(f, 0, "ieee80211_frame_records", "0000000000000000");
}

static void test_unknown_records_are_kept(void **state)
{
	struct fixture *f = *state;

	sflow_begin(&f->m, 0);
	sample_begin(&f->m);
	count(&f->m, records_at);
	RECORD(&f->m, 4413 << 12 | 9, 0xca, 0xfe, 0, 1);
	HEADER_RECORD(&f->m);
	count(&f->m, records_at);
	part_close(&f->m, part_open(&f->m, 4095));
	sample_end(&f->m);
	decode(f);
	assert_faults(f, "");
	assert_extra(f, 0, "4413:9", "cafe0001");
	assert_extra(f, 0, "0:4095", "");
	assert_cell(f, 0, SRC_ADDR, "10.0.0.1");
}

/* A record may grow at its end; readers pass over what they do not know. */
static void test_longer_records(void **state)
{
	struct fixture *f = *state;

	sflow_begin(&f->m, 0);
	sample_begin(&f->m);
	count(&f->m, records_at);
	RECORD(&f->m, 1002, U32(1), IP(192, 0, 2, 99), U32(24), U32(16), U32(1), U32(2));
	sample_end(&f->m);
	decode(f);
	assert_faults(f, "");
	assert_cell(f, 0, NEXT_HOP, "192.0.2.99");
}

/* A column that another record filled first: the later value is kept by name. */
static void test_second_values_go_to_extra(void **state)
{
	struct fixture *f = *state;

	sflow_begin(&f->m, 0);
	sample_begin(&f->m);
	count(&f->m, records_at);
	RECORD(&f->m, 1002, U32(1), IP(192, 0, 2, 99), U32(24), U32(16));
	count(&f->m, records_at);
	RECORD(&f->m, 1006, U32(1), IP(192, 0, 2, 9), U32(1), U32(16 << 12 | 0x100), U32(0));
	count(&f->m, records_at);
	RECORD(&f->m, 1029, U32(1));
	count(&f->m, records_at);
	RECORD(&f->m, 1030, U32(2));
	sample_end(&f->m);
	decode(f);
	assert_faults(f, "");
	assert_cell(f, 0, NEXT_HOP, "192.0.2.99");
	assert_extra(f, 0, "mpls_next_hop", "192.0.2.9");
	assert_cell(f, 0, MPLS_LABEL_1, "16");
	assert_cell(f, 0, VNI, "1");
	assert_extra(f, 0, "vni_ingress", "2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_raw_headers_by_protocol),
		FIXTURE_TEST(test_sampled_ethernet_and_ip),
		FIXTURE_TEST(test_bytes_are_the_frames),
		FIXTURE_TEST(test_extended_switch_and_router),
		FIXTURE_TEST(test_extended_gateway),
		FIXTURE_TEST(test_other_records),
		FIXTURE_TEST(test_navigation_timing),
		FIXTURE_TEST(test_timestamp),
		FIXTURE_TEST(test_aggregation),
		FIXTURE_TEST(test_unknown_records_are_kept),
		FIXTURE_TEST(test_longer_records),
		FIXTURE_TEST(test_second_values_go_to_extra),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
