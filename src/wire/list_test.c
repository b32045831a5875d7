#include "wire/testing.h"

/* A message of one record that is one list. */
#define LIST(f, element, ...)                                                   \
	do {                                                                    \
		const uint8_t list_bytes[] = {__VA_ARGS__};                     \
		ipfix_begin(&(f)->m, 0);                                        \
		TEMPLATE_SET(&(f)->m, 2, 300, {element, VAR});                  \
		set_begin(&(f)->m, 300);                                        \
		PUT(&(f)->m, 255, U16(sizeof(list_bytes)), __VA_ARGS__);        \
		set_end(&(f)->m);                                               \
		decode(f);                                                      \
	} while (0)

static void send_templates(struct fixture *f)
{
	ipfix_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 2, 257, {8, 4}, {58, 2});
	TEMPLATE_SET(&f->m, 2, 258, {82, VAR}, {PEN(4242, 7), 1}, {PEN(29305, 1), 2});
	TEMPLATE_SET(&f->m, 2, 259, {291, VAR});
	decode(f);
}

static void test_basic_lists(void **state)
{
	struct fixture *f = *state;

	LIST(f, 291, 3, U16(58), U16(2), U16(1), U16(2));
	LIST(f, 291, 4, U16(82), U16(65535), 4, 'e', 't', 'h', '0', 255, U16(2), 'l', 'o');
	LIST(f, 291, 255, U16(0x8000 | 7), U16(1), U32(4242), 0xab, 0xcd);
	LIST(f, 291, 0, U16(8), U16(4));
	decode_bytes(f, NULL, 0);
	assert_extra(f, 0, "basicList", "allOf vlanId[1, 2]");
	assert_extra(f, 1, "basicList", "ordered interfaceName[eth0, lo]");
	assert_extra(f, 2, "basicList", "undefined 4242:7[ab, cd]");
	assert_extra(f, 3, "basicList", "noneOf sourceIPv4Address[]");
	assert_faults(f, "version_unknown");
}

static void test_lists_of_records(void **state)
{
	struct fixture *f = *state;

	send_templates(f);
	LIST(f, 292, 1, U16(257), IP(192, 0, 2, 1), U16(5), IP(192, 0, 2, 2), U16(6));
	LIST(f, 293, 2, U16(257), U16(10), IP(192, 0, 2, 1), U16(5), U16(258), U16(12), 2, 'l', 'o', 0x11, U16(9), 0, 0x22);
	assert_extra(f, 0, "subTemplateList",
		     "exactlyOneOf 257[{sourceIPv4Address=192.0.2.1, vlanId=5}, {sourceIPv4Address=192.0.2.2, vlanId=6}]");
	/* The second record of 258 is cut short. */
	assert_faults(f, "list_unreadable");
	LIST(f, 293, 2, U16(257), U16(10), IP(192, 0, 2, 1), U16(5), U16(258), U16(10), 2, 'l', 'o', 0x11, U16(9));
	assert_extra(f, 2, "subTemplateMultiList",
		     "oneOrMoreOf 257[{sourceIPv4Address=192.0.2.1, vlanId=5}], "
		     "258[{interfaceName=lo, 4242:7=11, reverseOctetDeltaCount=9}]");
	assert_faults(f, "list_unreadable");
}

/* RFC 6313 §4.5: a list can be in a list. */
static void test_nesting(void **state)
{
	struct fixture *f = *state;

	send_templates(f);
	LIST(f, 292, 3, U16(259), 9, 3, U16(58), U16(2), U16(1), U16(2));
	assert_extra(f, 0, "subTemplateList", "allOf 259[{basicList=allOf vlanId[1, 2]}]");
	/* Five of them are too many. */
	LIST(f, 291, 3, U16(291), U16(24), 3, U16(291), U16(19), 3, U16(291), U16(14), 3, U16(291), U16(9), 3, U16(58),
	     U16(2), U32(0));
	assert_faults(f, "list_unreadable");
}

static void test_malformed(void **state)
{
	struct fixture *f = *state;

	send_templates(f);
	LIST(f, 291, 3, U16(58), U16(0), U16(1));		/* values of no bytes */
	LIST(f, 291, 3, U16(58), U16(2), U16(1), 9);		/* half a value */
	LIST(f, 291, 3, U16(58));				/* no length */
	LIST(f, 292, 3);					/* no template */
	LIST(f, 293, 3, U16(257), U16(3), U16(1));		/* less than its own header */
	LIST(f, 293, 3, U16(257), U16(20), U16(1));		/* beyond the end */
	assert_faults(f, "list_unreadable=6");
	assert_int_equal(f->block->rows, 6);
	assert_extra(f, 2, "basicList", "03003a");
}

/* A text that is longer than the place for it: the bytes are kept. */
static void test_too_long(void **state)
{
	struct fixture *f = *state;
	enum { VALUES = 60000 };

	ipfix_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 2, 300, {291, VAR});
	set_begin(&f->m, 300);
	PUT(&f->m, 255, U16(5 + VALUES), 3, U16(4), U16(1));
	memset(weir_writer_take(&f->m.w, VALUES), 0xff, VALUES);
	set_end(&f->m);
	decode(f);
	assert_faults(f, "list_unreadable");
	assert_int_equal(f->block->extra[0].value.len, 2 * (5 + VALUES));
}

/* The fault is counted once also where the row needs a second try, in an emptied block. */
static void test_counted_once(void **state)
{
	const struct weir_block_limits limits = {.rows_max = 16, .heap_max = 4096, .extras_max = 3};
	struct fixture *f = fixture_new(NULL, &limits);

	(void)state;
	ipfix_begin(&f->m, 0);
	TEMPLATE_SET(&f->m, 2, 300, {291, 1}, {82, 1});
	SET(&f->m, 300, 3, 'a', 3, 'b');
	decode(f);
	assert_int_equal(f->full, 1);
	assert_faults(f, "list_unreadable=2");
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_basic_lists), FIXTURE_TEST(test_lists_of_records), FIXTURE_TEST(test_nesting),
		FIXTURE_TEST(test_malformed),	FIXTURE_TEST(test_too_long),
		cmocka_unit_test(test_counted_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
