#include "wire/sflow_testing.h"

/* --- what a sample becomes ---------------------------------------------------------------------------------------- */

static void test_flow_sample(void **state)
{
	struct fixture *f = *state;

	sflow_begin(&f->m, 9);
	sample(&f->m);
	decode(f);
	assert_faults(f, "");
	assert_int_equal(f->block->rows, 1);
	assert_int_equal(stats(f)->flows, 1);
	assert_cell(f, 0, FLOW_TYPE, "50");
	assert_cell(f, 0, EXPORTER_ADDR, AGENT_TEXT);
	assert_cell(f, 0, OBSERVATION_DOMAIN, "3");
	assert_cell(f, 0, SEQUENCE_NUM, "9");
	assert_cell(f, 0, TIME_RECEIVED, "1700000000500");
	assert_cell(f, 0, TIME_START, "1700000000500");
	assert_cell(f, 0, TIME_END, "1700000000500");
	assert_cell(f, 0, SAMPLING_RATE, "400");
	assert_cell(f, 0, PACKETS, "1");
	assert_cell(f, 0, BYTES, "1018");
	assert_cell(f, 0, IN_IF, "11");
	assert_cell(f, 0, OUT_IF, "12");
	assert_cell(f, 0, DIRECTION, "0");
	assert_cell(f, 0, SRC_ADDR, "10.0.0.1");
	assert_cell(f, 0, DST_ADDR, "10.0.0.2");
	assert_cell(f, 0, SRC_PORT, "1234");
	assert_cell(f, 0, DST_PORT, "53");
	assert_cell(f, 0, PROTO, "17");
	assert_cell(f, 0, SRC_MAC, "02:00:00:00:00:55");
	assert_cell(f, 0, TEMPLATE_ID, "-");
	assert_cell(f, 0, FORWARDING_STATUS, "-");
	assert_int_equal(f->block->extras, 0);
}

static void test_expanded_flow_sample(void **state)
{
	struct fixture *f = *state;

	sflow_begin(&f->m, 0);
	count(&f->m, HEADER_LEN - 4);
	sample_at = part_open(&f->m, 3);
	PUT(&f->m, U32(77), U32(0), U32(0x70000001), U32(0), U32(4000), U32(0), U32(0), U32(5), U32(0), U32(0x70000001));
	records_at = weir_writer_len(&f->m.w);
	PUT(&f->m, U32(0));
	HEADER_RECORD(&f->m);
	sample_end(&f->m);
	decode(f);
	assert_faults(f, "");
	assert_cell(f, 0, IN_IF, "5");
	assert_cell(f, 0, OUT_IF, "1879048193");
	assert_cell(f, 0, DIRECTION, "1");
	assert_cell(f, 0, SAMPLING_RATE, "1"); /* 0 was told */
	assert_cell(f, 0, SRC_ADDR, "10.0.0.1");
}

static void test_interfaces(void **state)
{
	static const struct {
		uint32_t input, output;
		const char *in_if, *out_if, *status, *reason, *count;
	} cases[] = {
		{1, 2, "1", "2", "-", "-", "-"},
		{0, 0, "-", "-", "-", "-", "-"},
		{0x3fffffff, 2, "0", "2", "-", "-", "-"},
		{1, 0x3fffffff, "1", "0", "195", "-", "-"},
		{0x3fffffff, 0x3fffffff, "-", "-", "-", "-", "-"},
		{1, 0x40000000, "1", "-", "131", "0", "-"},
		{1, 0x40000003, "1", "-", "128", "3", "-"},
		{1, 0x40000004, "1", "-", "133", "4", "-"},
		{1, 0x4000000d, "1", "-", "129", "13", "-"},
		{1, 0x40000100, "1", "-", "128", "256", "-"},
		{1, 0x40000101, "1", "-", "137", "257", "-"},
		{1, 0x40000102, "1", "-", "129", "258", "-"},
		{1, 0x40000104, "1", "-", "139", "260", "-"},
		{1, 0x40000105, "1", "-", "138", "261", "-"},
		{1, 0x40000106, "1", "-", "133", "262", "-"},
		{1, 0x80000007, "1", "-", "64", "-", "7"},
		{1, 0xc0000007, "1", "-", "-", "-", "-"},
	};
	struct fixture *f = *state;
	uint32_t rows = sizeof(cases) / sizeof(cases[0]);

	sflow_begin(&f->m, 0);
	for (uint32_t i = 0; i < rows; i++) {
		sample_begin_to(&f->m, cases[i].input, cases[i].output);
		HEADER_RECORD(&f->m);
		sample_end(&f->m);
	}
	decode(f);
	assert_faults(f, "");
	assert_int_equal(f->block->rows, rows);
	for (uint32_t i = 0; i < rows; i++) {
		assert_cell(f, i, IN_IF, cases[i].in_if);
		assert_cell(f, i, OUT_IF, cases[i].out_if);
		assert_cell(f, i, FORWARDING_STATUS, cases[i].status);
		assert_extra(f, i, "discard_reason", cases[i].reason);
		assert_extra(f, i, "output_interfaces", cases[i].count);
	}
}

static void test_dropped_packets(void **state)
{
	struct fixture *f = *state;
	size_t at;

	sflow_begin(&f->m, 0);
	count(&f->m, HEADER_LEN - 4);
	at = part_open(&f->m, 5);
	PUT(&f->m, U32(1), U32(0), U32(11), U32(0), U32(11), U32(0), U32(258));
	records_at = weir_writer_len(&f->m.w);
	PUT(&f->m, U32(0));
	HEADER_RECORD(&f->m);
	count(&f->m, records_at);
	RECORD(&f->m, 1038, U32(4), 'd', 'r', 'o', 'p');
	part_close(&f->m, at);
	decode(f);
	assert_faults(f, "");
	assert_int_equal(f->block->rows, 1);
	assert_cell(f, 0, IN_IF, "11");
	assert_cell(f, 0, OUT_IF, "-");
	assert_cell(f, 0, FORWARDING_STATUS, "129");
	assert_cell(f, 0, SAMPLING_RATE, "1");
	assert_cell(f, 0, PACKETS, "1");
	assert_cell(f, 0, BYTES, "1018");
	assert_cell(f, 0, DST_PORT, "53");
	assert_extra(f, 0, "discard_reason", "258");
	assert_extra(f, 0, "function", "drop");
}

static void test_counter_samples_are_counted(void **state)
{
	struct fixture *f = *state;

	sflow_begin(&f->m, 0);
	weir_put_be32(f->m.data + HEADER_LEN - 4, 2);
	RECORD(&f->m, 2, U32(1), U32(11), U32(0));
	RECORD(&f->m, 4, U32(1), U32(0), U32(11), U32(0));
	sample(&f->m);
	decode(f);
	assert_faults(f, "");
	assert_int_equal(stats(f)->counter_samples, 2);
	assert_int_equal(f->block->rows, 1);
}

/* --- agents ------------------------------------------------------------------------------------------------------- */

static void test_agent_addresses(void **state)
{
	struct fixture *f = *state;

	message_begin(&f->m);
	PUT(&f->m, U32(5), U32(2), U64(0x20010db800000000), U64(7), U32(0), U32(1), U32(0), U32(0));
	decode(f);
	f->m.w.at -= 4;
	PUT(&f->m, U32(1), U32(1), U32(32), U32(0), U32(0), U32(1), U32(0), U32(0), U32(0), U32(0), U32(0));
	decode(f);
	message_begin(&f->m);
	PUT(&f->m, U32(5), U32(0), U32(0), U32(1), U32(0), U32(1), U32(1), U32(32), U32(0), U32(0), U32(1), U32(0), U32(0),
	    U32(0), U32(0), U32(0));
	decode(f);
	message_begin(&f->m);
	PUT(&f->m, U32(5), U32(1), U32(0), U32(1), U32(0), U32(0), U32(1), U32(1), U32(32), U32(0), U32(0), U32(1), U32(0),
	    U32(0), U32(0), U32(0), U32(0));
	decode(f);
	assert_faults(f, "");
	assert_int_equal(f->block->rows, 3);
	assert_cell(f, 0, EXPORTER_ADDR, "2001:db8::7");
	assert_cell(f, 1, EXPORTER_ADDR, "192.0.2.1"); /* the sender's */
	assert_cell(f, 2, EXPORTER_ADDR, "192.0.2.1");
}

static void test_lost_datagrams(void **state)
{
	static const struct {
		uint32_t sub_agent, sequence;
		uint64_t lost;
	} cases[] = {{0, 100, 0}, {0, 101, 0}, {1, 500, 0}, {0, 104, 2}, {1, 501, 2}, {1, 503, 3}, {0, 103, 3}, {0, 105, 3}};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		sflow_begin(&f->m, cases[i].sequence);
		weir_put_be32(f->m.data + 12, cases[i].sub_agent);
		sample(&f->m);
		sample(&f->m);
		decode(f);
		assert_int_equal(stats(f)->lost_messages, cases[i].lost);
	}
	assert_faults(f, "");
}

static void test_exporters_have_a_ceiling(void **state)
{
	struct weir_decoder_limits limits = weir_decoder_limits_default;
	struct fixture *f;

	(void)state;
	limits.exporters_max = 2;
	f = fixture_new(&limits, NULL);
	for (uint32_t i = 0; i < 3; i++) {
		sflow_begin(&f->m, 0);
		weir_put_be32(f->m.data + 12, i);
		sample(&f->m);
		decode(f);
	}
	assert_faults(f, "exporters_limit");
	assert_int_equal(f->block->rows, 2);
	fixture_free(f);
}

/* --- tunnels -------------------------------------------------------------------------------------------------------- */

/* GRE from 192.0.2.1 to 192.0.2.2, in it Ethernet, and in that IPv6 by way of segments to UDP. */
#define TUNNEL_FRAME                                                                                          \
	MACS, U16(0x0800), 0x45, 0, U16(134), U32(0), 64, 47, U16(0), IP(192, 0, 2, 1), IP(192, 0, 2, 2), U16(0), \
		U16(0x6558), 0x02, 0, 0, 0, 1, 0xdd, 0x02, 0, 0, 0, 1, 0x55, U16(0x86dd), U32(0x60000000), U16(48), 43, \
		64, V6(1), V6(2), 17, 4, 4, 1, 1, 0, U16(0), V6(9), V6(2), U16(1234), U16(53), U16(8), U16(0)
#define V6(last) 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last

static void tunnel_sample(struct fixture *f)
{
	sflow_begin(&f->m, 0);
	sample_begin(&f->m);
	count(&f->m, records_at);
	RECORD(&f->m, 1, U32(1), U32(1018), U32(4), U32(140), TUNNEL_FRAME);
	sample_end(&f->m);
	decode(f);
	assert_faults(f, "");
	assert_cell(f, 0, BYTES, "1018");
}

static void test_outer_addresses(void **state)
{
	struct fixture *f = *state;

	tunnel_sample(f);
	assert_cell(f, 0, SRC_ADDR, "192.0.2.1");
	assert_cell(f, 0, DST_ADDR, "192.0.2.2");
	assert_cell(f, 0, PROTO, "47");
	assert_cell(f, 0, SRC_PORT, "-");
	assert_cell(f, 0, SRC_MAC, "02:00:00:00:00:55");
	assert_cell(f, 0, ETHERTYPE, "2048");
	assert_int_equal(f->block->extras, 0);
}

static void test_inner_addresses(void **state)
{
	struct weir_decoder_limits limits = weir_decoder_limits_default;
	struct fixture *f;

	(void)state;
	limits.sflow_inner = true;
	f = fixture_new(&limits, NULL);
	tunnel_sample(f);
	assert_cell(f, 0, SRC_ADDR, "2001:db8::1");
	assert_cell(f, 0, DST_ADDR, "2001:db8::2");
	assert_cell(f, 0, PROTO, "17");
	assert_cell(f, 0, IP_VERSION, "6");
	assert_cell(f, 0, FRAGMENT_ID, "-");
	assert_cell(f, 0, SRC_PORT, "1234");
	assert_extra(f, 0, "tunnel_src_addr", "192.0.2.1");
	assert_extra(f, 0, "tunnel_dst_addr", "192.0.2.2");
	assert_cell(f, 0, SRC_MAC, "02:00:00:00:01:55");
	assert_cell(f, 0, ETHERTYPE, "34525");
	assert_extra(f, 0, "srv6_segments", "2001:db8::2 2001:db8::9");
	assert_extra(f, 0, "srv6_segments_left", "1");
	fixture_free(f);
}

/* --- faults ------------------------------------------------------------------------------------------------------- */

/* A datagram of three samples; the second has a raw header and a router's record. Each case breaks one number of it. */
enum {
	SAMPLE_BYTES = 8 + 32 + 8 + 16 + 44,
	SECOND = HEADER_LEN + SAMPLE_BYTES,
	SECOND_RECORDS = SECOND + 8 + 28,
	SECOND_HEADER = SECOND_RECORDS + 4,
	SECOND_FRAME = SECOND_HEADER + 8 + 16,
	SECOND_ROUTER = SECOND_FRAME + 44,
	THIRD = SECOND_ROUTER + 8 + 16,
	WHOLE = THIRD + SAMPLE_BYTES,
};

static void three_samples(struct test_message *m)
{
	sflow_begin(m, 0);
	sample(m);
	sample_begin(m);
	HEADER_RECORD(m);
	count(m, records_at);
	RECORD(m, 1002, U32(1), IP(192, 0, 2, 99), U32(24), U32(16));
	sample_end(m);
	sample(m);
}

static void test_faults(void **state)
{
	static const struct {
		const char *name;
		size_t at;
		uint32_t value;
		const char *faults;
		uint32_t rows;
		const char *second; /* source of the second row */
	} cases[] = {
		{"nothing", 0, 5, "", 3, "10.0.0.1"},
		{"agent's address of type 3", 4, 3, "sflow_address", 0, "no such row"},
		{"fewer samples", HEADER_LEN - 4, 2, "sflow_trailing", 2, "10.0.0.1"},
		{"more samples", HEADER_LEN - 4, 4, "sflow_short", 3, "10.0.0.1"},
		{"far more samples", HEADER_LEN - 4, ALL_ONES, "sflow_short", 3, "10.0.0.1"},
		{"sample of enterprise 1", SECOND, 1 << 12 | 1, "sflow_sample_unknown", 2, "10.0.0.1"},
		{"sample of format 6", SECOND, 6, "sflow_sample_unknown", 2, "10.0.0.1"},
		{"sample beyond the datagram", SECOND + 4, 4000, "sflow_short", 1, "no such row"},
		{"sample of length 4G", SECOND + 4, ALL_ONES, "sflow_short", 1, "no such row"},
		{"fewer records", SECOND_RECORDS, 1, "sflow_trailing", 3, "10.0.0.1"},
		{"more records", SECOND_RECORDS, 3, "sflow_sample", 2, "10.0.0.1"},
		{"far more records", SECOND_RECORDS, ALL_ONES, "sflow_sample", 2, "10.0.0.1"},
		{"record beyond the sample", SECOND_HEADER + 4, 84, "sflow_sample", 2, "10.0.0.1"},
		{"record of length 4G", SECOND_HEADER + 4, ALL_ONES, "sflow_sample", 2, "10.0.0.1"},
		{"frame beyond the record", SECOND_HEADER + 20, 45, "sflow_record", 3, "-"},
		{"frame of length 4G", SECOND_HEADER + 20, ALL_ONES, "sflow_record", 3, "-"},
		{"link layer unknown", SECOND_HEADER + 8, 99, "sflow_header_protocol", 3, "-"},
		{"IPv4 header of 16 bytes", SECOND_FRAME + 12, 0x08004400, "sflow_frame", 3, "-"},
		{"next hop of type 3", SECOND_ROUTER + 8, 3, "sflow_record", 3, "10.0.0.1"},
		{"next hop of type 2, too short", SECOND_ROUTER + 8, 2, "sflow_record", 3, "10.0.0.1"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture *f = fixture_new(NULL, NULL);

		three_samples(&f->m);
		assert_int_equal(weir_writer_len(&f->m.w), WHOLE);
		weir_put_be32(f->m.data + cases[i].at, cases[i].value);
		decode(f);
		print_message("%s\n", cases[i].name);
		assert_faults(f, cases[i].faults);
		assert_int_equal(f->block->rows, cases[i].rows);
		assert_string_equal(cell(f, 1, WEIR_COL_SRC_ADDR), cases[i].second);
		if (cases[i].rows > 1)
			assert_cell(f, cases[i].rows - 1, BYTES, "1018");
		fixture_free(f);
	}
}

/* Cut anywhere, a datagram says that it is short, gives the samples that are whole, and leaves no trace of the rest. */
static void test_cut_datagrams(void **state)
{
	struct fixture *whole = *state;

	three_samples(&whole->m);
	for (size_t len = 4; len < WHOLE; len++) {
		struct fixture *f = fixture_new(NULL, NULL);
		uint32_t rows = len < SECOND ? 0 : len < THIRD ? 1 : 2;

		decode_bytes(f, whole->m.data, len);
		assert_faults(f, "sflow_short");
		assert_int_equal(f->block->rows, rows);
		fixture_free(f);
	}
}

/* A sample that is dropped after some of it was written leaves the row as it was. */
static void test_dropped_sample_leaves_nothing(void **state)
{
	struct fixture *f = *state;

	sflow_begin(&f->m, 0);
	sample_begin(&f->m);
	HEADER_RECORD(&f->m);
	count(&f->m, records_at);
	RECORD(&f->m, 77, U32(1));
	count(&f->m, records_at); /* and a record that is not there */
	sample_end(&f->m);
	sample_begin(&f->m);
	sample_end(&f->m);
	decode(f);
	assert_faults(f, "sflow_sample");
	assert_int_equal(f->block->rows, 1);
	assert_int_equal(f->block->extras, 0);
	assert_int_equal(f->block->heap_len, 0);
	assert_int_equal(weir_block_u16(f->block, WEIR_COL_DST_PORT)[0], 0);
	assert_true(weir_addr_is_zero(&weir_block_addr(f->block, WEIR_COL_SRC_ADDR)[0]));
	assert_cell(f, 0, SRC_ADDR, "-");
}

/* --- blocks ------------------------------------------------------------------------------------------------------- */

static void put_unknown_samples(struct test_message *m, unsigned samples, uint32_t record_bytes)
{
	for (unsigned i = 0; i < samples; i++) {
		size_t at;

		sample_begin(m);
		count(m, records_at);
		at = part_open(m, 77);
		weir_writer_zero(&m->w, record_bytes);
		part_close(m, at);
		sample_end(m);
	}
}

static void test_full_blocks_are_handed_over(void **state)
{
	static const struct {
		const char *name;
		struct weir_block_limits limits;
	} cases[] = {
		{"rows", {.rows_max = 4, .heap_max = 1 << 20, .extras_max = 10000}},
		{"heap", {.rows_max = 100, .heap_max = 2000, .extras_max = 10000}},
		{"extras", {.rows_max = 100, .heap_max = 1 << 20, .extras_max = 30}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture *f = fixture_new(NULL, &cases[i].limits);

		print_message("%s\n", cases[i].name);
		sflow_begin(&f->m, 0);
		put_unknown_samples(&f->m, 10, 64);
		decode(f);
		assert_faults(f, "");
		assert_in_range(f->full, 1, 9);
		assert_int_equal(f->flows_taken + f->block->rows, 10);
		assert_int_equal(stats(f)->flows, 10);
		for (uint32_t row = 0; row < f->block->rows; row++)
			assert_int_equal(strlen(extra(f, row, "0:77")), 128);
		fixture_free(f);
	}
}

static void test_what_no_block_can_hold(void **state)
{
	struct weir_block_limits limits = {.rows_max = 4, .heap_max = 100, .extras_max = 10};
	struct fixture *f = fixture_new(NULL, &limits);

	(void)state;
	sflow_begin(&f->m, 0);
	put_unknown_samples(&f->m, 2, 64);
	decode(f);
	assert_faults(f, "extra_dropped=2");
	assert_int_equal(stats(f)->flows, 2);
	fixture_free(f);
}

static void test_refused_blocks(void **state)
{
	struct weir_block_limits limits = {.rows_max = 2, .heap_max = 1 << 16, .extras_max = 1000};
	struct fixture *f = fixture_new(NULL, &limits);

	(void)state;
	f->refuse = true;
	three_samples(&f->m);
	decode(f);
	assert_faults(f, "block_refused");
	assert_int_equal(f->block->rows, 2);
	assert_int_equal(stats(f)->flows, 2);
	fixture_free(f);
}

/* --- captures ----------------------------------------------------------------------------------------------------- */

/* Decode the UDP payloads of a pcap file of Ethernet and IPv4 in host order. False when it cannot be opened. */
static bool decode_capture(struct fixture *f, const char *name)
{
	const char *folder = getenv("WEIR_CAPTURES");
	struct {
		uint32_t seconds, microseconds, caplen, len;
	} frame;
	uint8_t data[65536];
	char path[4096];
	size_t udp_len;
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", folder ? folder : WEIR_SOURCE_DIR "/../shared/captures", name);
	file = fopen(path, "rb");
	if (!file)
		return false;
	assert_int_equal(fread(data, 1, 24, file), 24);
	while (fread(&frame, sizeof(frame), 1, file) == 1) {
		assert_in_range(frame.caplen, 42, sizeof(data));
		assert_int_equal(fread(data, 1, frame.caplen, file), frame.caplen);
		udp_len = weir_be16(data + 38);
		assert_in_range(udp_len, 8, frame.caplen - 34);
		decode_bytes(f, data + 42, udp_len - 8);
	}
	(void)fclose(file);
	return true;
}

#define CAPTURE(f, name)                                                                                        \
	do {                                                                                                    \
		if (!decode_capture(f, name)) {                                                                 \
			print_message("%s is not there: set WEIR_CAPTURES to the folder of captures\n", name);  \
			skip();                                                                                 \
		}                                                                                               \
	} while (0)

static void test_capture_expanded(void **state)
{
	struct fixture *f = *state;

	CAPTURE(f, "tcpdump/sflow_expanded.pcap");
	assert_faults(f, "");
	assert_int_equal(f->block->rows, 1);
	assert_cell(f, 0, EXPORTER_ADDR, "49.49.49.49");
	assert_cell(f, 0, SEQUENCE_NUM, "115694180");
	assert_cell(f, 0, SAMPLING_RATE, "1000");
	assert_cell(f, 0, IN_IF, "29001");
	assert_cell(f, 0, OUT_IF, "1285816721");
	assert_cell(f, 0, BYTES, "126");
	assert_cell(f, 0, SRC_MAC, "94:8e:d3:0a:71:3b");
	assert_cell(f, 0, SRC_VLAN, "809");
	assert_cell(f, 0, SRC_ADDR, "52.52.52.52");
	assert_cell(f, 0, DST_ADDR, "53.53.53.53");
	assert_cell(f, 0, SRC_PORT, "22");
	assert_cell(f, 0, DST_PORT, "52237");
	assert_cell(f, 0, TCP_FLAGS, "24");
	assert_cell(f, 0, IP_TOS, "8");
	assert_cell(f, 0, IP_TTL, "61");
	assert_cell(f, 0, BGP_NEXT_HOP, "54.54.54.54");
	assert_cell(f, 0, SRC_AS, "203476");
	assert_cell(f, 0, DST_AS, "203361");
	assert_cell(f, 0, NEXT_HOP_AS, "8218");
	assert_cell(f, 0, SRC_MASK, "32");
	assert_cell(f, 0, DST_MASK, "22");
	assert_extra(f, 0, "dst_as_path", "8218 29605 203361");
	assert_extra(f, 0, "communities", "8218:101 29169:100 29169:50000 29169:51706");
}

static void test_capture_of_ip_records(void **state)
{
	struct fixture *f = *state;

	CAPTURE(f, "akvorado/data-sflow-ipv4-data.pcap");
	CAPTURE(f, "akvorado/data-sflow-raw-ipv4.pcap");
	assert_faults(f, "");
	assert_int_equal(f->block->rows, 3);
	assert_cell(f, 0, OBSERVATION_DOMAIN, "1");
	assert_cell(f, 0, BYTES, "1390");
	assert_cell(f, 0, SRC_ADDR, "50.50.50.50");
	assert_cell(f, 0, DST_PORT, "58631");
	assert_cell(f, 0, SRC_VLAN, "-");
	assert_cell(f, 0, DST_VLAN, "3001");
	assert_cell(f, 0, DIRECTION, "1");
	assert_cell(f, 1, OBSERVATION_DOMAIN, "100000");
	assert_cell(f, 1, BYTES, "50");
	assert_cell(f, 1, PROTO, "1");
	assert_cell(f, 1, ICMP_TYPE, "0");
	assert_cell(f, 1, DST_ADDR, "92.222.186.1");
	assert_cell(f, 2, DST_ADDR, "92.222.184.1");
}

static void test_capture_of_interfaces(void **state)
{
	struct fixture *f = *state;

	CAPTURE(f, "akvorado/data-discard-interface.pcap");
	CAPTURE(f, "akvorado/data-multiple-interfaces.pcap");
	CAPTURE(f, "akvorado/data-local-interface.pcap");
	assert_faults(f, "sflow_trailing=3"); /* cut by hand: one of five samples is counted */
	assert_int_equal(f->block->rows, 3);
	for (uint32_t row = 0; row < 3; row++) {
		assert_cell(f, row, IN_IF, "27");
		assert_cell(f, row, BYTES, "1518");
		assert_cell(f, row, SRC_ADDR, "2a0c:8880:2:0:185:21:130:38");
	}
	assert_cell(f, 0, FORWARDING_STATUS, "131");
	assert_extra(f, 0, "discard_reason", "1");
	assert_extra(f, 1, "output_interfaces", "7");
	assert_cell(f, 2, FORWARDING_STATUS, "195");
	assert_cell(f, 2, OUT_IF, "0");
}

static void test_capture_of_a_router(void **state)
{
	struct fixture *f = *state;

	CAPTURE(f, "akvorado/data-1140.pcap");
	assert_faults(f, "");
	assert_int_equal(f->block->rows, 5);
	assert_cell(f, 1, SRC_ADDR, "104.26.8.24");
	assert_cell(f, 1, BYTES, "439");
	assert_cell(f, 1, SRC_VLAN, "-");
	assert_cell(f, 1, DST_VLAN, "100");
	assert_cell(f, 1, SRC_AS, "13335");
	assert_cell(f, 1, DST_AS, "0");
	assert_cell(f, 1, NEXT_HOP, "45.90.161.46");
	assert_cell(f, 1, BGP_NEXT_HOP, "-");
	assert_cell(f, 3, DST_AS, "26615");
	assert_cell(f, 3, NEXT_HOP_AS, "203698");
	assert_cell(f, 3, DST_MASK, "17");
	assert_cell(f, 3, TCP_FLAGS, "2");
}

static void test_captures_of_counters_and_of_hostility(void **state)
{
	struct fixture *f = *state;

	CAPTURE(f, "tcpdump/sflow_multiple_counter_30_pdus.pcap");
	CAPTURE(f, "tcpdump/sflow_print-segv.pcap");
	assert_faults(f, "sflow_short");
	assert_int_equal(f->block->rows, 7); /* of five datagrams of NetFlow v5 */
	for (uint32_t row = 0; row < 7; row++)
		assert_cell(f, row, FLOW_TYPE, "5");
	assert_int_equal(stats(f)->counter_samples, 144);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_flow_sample),
		FIXTURE_TEST(test_expanded_flow_sample),
		FIXTURE_TEST(test_dropped_packets),
		FIXTURE_TEST(test_interfaces),
		FIXTURE_TEST(test_counter_samples_are_counted),
		FIXTURE_TEST(test_agent_addresses),
		FIXTURE_TEST(test_lost_datagrams),
		cmocka_unit_test(test_exporters_have_a_ceiling),
		FIXTURE_TEST(test_outer_addresses),
		cmocka_unit_test(test_inner_addresses),
		cmocka_unit_test(test_faults),
		FIXTURE_TEST(test_cut_datagrams),
		FIXTURE_TEST(test_dropped_sample_leaves_nothing),
		cmocka_unit_test(test_full_blocks_are_handed_over),
		cmocka_unit_test(test_what_no_block_can_hold),
		cmocka_unit_test(test_refused_blocks),
		FIXTURE_TEST(test_capture_expanded),
		FIXTURE_TEST(test_capture_of_ip_records),
		FIXTURE_TEST(test_capture_of_interfaces),
		FIXTURE_TEST(test_capture_of_a_router),
		FIXTURE_TEST(test_captures_of_counters_and_of_hostility),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
