#include "wire/testing.h"

#define V9_FLOW_FIELDS {8, 4}, {12, 4}, {7, 2}, {11, 2}, {4, 1}, {1, 4}, {2, 4}, {22, 4}, {21, 4}
#define V9_FLOW(last, proto, dst_port)                                                                              \
	IP(10, 0, 0, last), IP(10, 0, 1, last), U16(1234), U16(dst_port), U8(proto), U32(600), U32(5), U32(90000), \
		U32(95000)

static void send_template(struct fixture *f)
{
	v9_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 0, 256, V9_FLOW_FIELDS);
	decode(f);
}

static void test_template_then_data(void **state)
{
	struct fixture *f = *state;

	send_template(f);
	v9_begin(&f->m, 1);
	SET(&f->m, 256, V9_FLOW(1, 6, 80), V9_FLOW(2, 1, 0x0301), U16(0));
	decode(f);
	assert_faults(f, "");
	assert_int_equal(f->block->rows, 2);
	assert_int_equal(stats(f)->templates, 1);
	assert_int_equal(stats(f)->flows, 2);
	assert_int_equal(stats(f)->lost_messages, 0);
	assert_cell(f, 0, SRC_ADDR, "10.0.0.1");
	assert_cell(f, 1, DST_ADDR, "10.0.1.2");
	assert_cell(f, 0, TIME_START, "1699999990000");
	assert_cell(f, 0, TIME_END, "1699999995000");
	assert_cell(f, 0, FLOW_TYPE, "9");
	assert_cell(f, 0, OBSERVATION_DOMAIN, "7");
	assert_cell(f, 0, SEQUENCE_NUM, "1");
	assert_cell(f, 0, TEMPLATE_ID, "256");
	assert_cell(f, 0, SAMPLING_RATE, "1");
	assert_cell(f, 0, ICMP_TYPE, "-");
	assert_cell(f, 1, ICMP_TYPE, "3");
	assert_cell(f, 1, ICMP_CODE, "1");
}

static void test_template_and_data_in_one_message(void **state)
{
	struct fixture *f = *state;

	v9_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 0, 256, V9_FLOW_FIELDS);
	SET(&f->m, 256, V9_FLOW(1, 6, 80), U24(0));
	decode(f);
	assert_faults(f, "");
	assert_int_equal(f->block->rows, 1);
}

static void test_templates_belong_to_source_and_exporter(void **state)
{
	struct fixture *f = *state;

	send_template(f);
	v9_begin(&f->m, 1);
	weir_put_be32(f->m.data + 16, TEST_DOMAIN + 1);
	SET(&f->m, 256, V9_FLOW(1, 6, 80));
	decode(f);
	assert_faults(f, "template_missing");
	f->exporter.byte[15]++;
	weir_put_be32(f->m.data + 16, TEST_DOMAIN);
	decode(f);
	assert_faults(f, "template_missing=2");
	f->exporter.byte[15]--;
	decode(f);
	assert_faults(f, "template_missing=2");
	assert_int_equal(f->block->rows, 1);
}

static void test_redefinition_changes_later_records_only(void **state)
{
	struct fixture *f = *state;

	v9_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 0, 256, {8, 4}, {1, 4});
	SET(&f->m, 256, IP(10, 0, 0, 1), U32(1));
	TEMPLATE_SET(&f->m, 0, 256, {12, 4}, {2, 4});
	SET(&f->m, 256, IP(10, 0, 0, 2), U32(2));
	decode(f);
	assert_faults(f, "");
	assert_cell(f, 0, SRC_ADDR, "10.0.0.1");
	assert_cell(f, 0, BYTES, "1");
	assert_cell(f, 0, PACKETS, "-");
	assert_cell(f, 1, SRC_ADDR, "-");
	assert_cell(f, 1, DST_ADDR, "10.0.0.2");
	assert_cell(f, 1, PACKETS, "2");
}

/* A refused definition ends the old one too. */
static void test_refused_redefinition(void **state)
{
	struct fixture *f = *state;

	send_template(f);
	v9_begin(&f->m, 1);
	TEMPLATE_SET(&f->m, 0, 256, {8, 0});
	SET(&f->m, 256, V9_FLOW(1, 6, 80));
	decode(f);
	assert_faults(f, "template_empty template_missing");
}

static void test_zero_filled_message(void **state)
{
	struct fixture *f = *state;

	send_template(f);
	v9_begin(&f->m, 1);
	SET(&f->m, 256, V9_FLOW(1, 6, 80));
	weir_writer_zero(&f->m.w, 1000);
	decode(f);
	assert_faults(f, "");
	assert_int_equal(f->block->rows, 1);
}

/* RFC 3954 §5.3 asks for zeros only: Cisco's wireless controllers and nProbe pad with what is there. */
static void test_padding_of_anything(void **state)
{
	struct fixture *f = *state;

	v9_begin(&f->m, 0);
	SET(&f->m, 0, U16(256), U16(1), U16(8), U16(4), U24(0xabcdef));
	SET(&f->m, 1, U16(257), U16(4), U16(4), U16(1), U16(0), U16(34), U16(4), U16(0x2d67));
	SET(&f->m, 256, IP(10, 0, 0, 1), U24(0x616e00));
	decode(f);
	assert_faults(f, "");
	assert_int_equal(stats(f)->templates, 2);
	assert_int_equal(f->block->rows, 1);
}

static void test_zero_length_fields(void **state)
{
	struct fixture *f = *state;

	v9_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 0, 256, {8, 4}, {12, 0}, {82, 0}, {1, 4}, {999, 0});
	SET(&f->m, 256, IP(10, 0, 0, 1), U32(7));
	decode(f);
	assert_faults(f, "");
	assert_cell(f, 0, SRC_ADDR, "10.0.0.1");
	assert_cell(f, 0, DST_ADDR, "-");
	assert_cell(f, 0, BYTES, "7");
	assert_int_equal(f->block->extras, 0);
}

static void test_numbers_of_vendors(void **state)
{
	struct fixture *f = *state;

	v9_begin(&f->m, 0);
	/* Cisco ASA, Cisco's enterprise at 32768, ntop's at 57472, and one that nobody knows. */
	TEMPLATE_SET(&f->m, 0, 256, {40001, 4}, {40005, 1}, {32768 + 4254, 4}, {57472 + 80, 2}, {65000, 3});
	SET(&f->m, 256, IP(192, 0, 2, 9), U8(2), U32(99), U16(12), U24(0xabcdef));
	decode(f);
	assert_faults(f, "");
	assert_cell(f, 0, POST_NAT_SRC_ADDR, "192.0.2.9");
	assert_cell(f, 0, FIREWALL_EVENT, "2");
	assert_extra(f, 0, "ciscoTransportRtpSsrc", "99");
	assert_extra(f, 0, "ntopSrcFragments", "12");
	assert_extra(f, 0, "0:65000", "abcdef");
}

/* icmpTypeCodeIPv4 says it: then the port stays a port. */
static void test_icmp_type_code_field(void **state)
{
	struct fixture *f = *state;

	v9_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 0, 256, {4, 1}, {11, 2}, {32, 2});
	SET(&f->m, 256, U8(1), U16(0x0102), U16(0x0800), U24(0));
	decode(f);
	assert_cell(f, 0, ICMP_TYPE, "8");
	assert_cell(f, 0, ICMP_CODE, "0");
	assert_cell(f, 0, DST_PORT, "258");
}

static void test_two_templates_in_a_set(void **state)
{
	struct fixture *f = *state;

	v9_begin(&f->m, 0);
	set_begin(&f->m, 0);
	TEMPLATE(&f->m, 256, {8, 4});
	TEMPLATE(&f->m, 257, {12, 4});
	set_end(&f->m);
	SET(&f->m, 257, IP(10, 0, 0, 2));
	SET(&f->m, 256, IP(10, 0, 0, 1));
	decode(f);
	assert_faults(f, "");
	assert_int_equal(stats(f)->templates, 2);
	assert_cell(f, 0, DST_ADDR, "10.0.0.2");
	assert_cell(f, 1, SRC_ADDR, "10.0.0.1");
}

/* RFC 3954 §9: a collector must not assume one set of templates in a message, nor that it comes before all data. */
static void test_two_sets_of_templates_in_a_message(void **state)
{
	struct fixture *f = *state;

	v9_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 0, 256, {8, 4});
	SET(&f->m, 256, IP(10, 0, 0, 1));
	TEMPLATE_SET(&f->m, 0, 257, {12, 4});
	SET(&f->m, 257, IP(10, 0, 0, 2));
	SET(&f->m, 256, IP(10, 0, 0, 3));
	decode(f);
	assert_faults(f, "");
	assert_int_equal(stats(f)->templates, 2);
	assert_cell(f, 0, SRC_ADDR, "10.0.0.1");
	assert_cell(f, 1, DST_ADDR, "10.0.0.2");
	assert_cell(f, 2, SRC_ADDR, "10.0.0.3");
}

/* RFC 3954 §5.1: the sequence number counts messages. */
static void test_lost_messages(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < 3; i++) {
		v9_begin(&f->m, 10 + 5 * i);
		decode(f);
	}
	assert_int_equal(stats(f)->lost_messages, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_template_then_data),
		FIXTURE_TEST(test_template_and_data_in_one_message),
		FIXTURE_TEST(test_templates_belong_to_source_and_exporter),
		FIXTURE_TEST(test_redefinition_changes_later_records_only),
		FIXTURE_TEST(test_refused_redefinition),
		FIXTURE_TEST(test_zero_filled_message),
		FIXTURE_TEST(test_padding_of_anything),
		FIXTURE_TEST(test_zero_length_fields),
		FIXTURE_TEST(test_numbers_of_vendors),
		FIXTURE_TEST(test_icmp_type_code_field),
		FIXTURE_TEST(test_two_templates_in_a_set), FIXTURE_TEST(test_two_sets_of_templates_in_a_message),
		FIXTURE_TEST(test_lost_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
