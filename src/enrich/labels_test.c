#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "enrich/labels.h"

static struct weir_vocabulary *vocabulary;
static struct weir_labels *labels;
static struct weir_block *block;

static int set_up(void **state)
{
	static const char *const exporters[] = {"192.0.2.1=core"};
	static const char *const interfaces[] = {"192.0.2.1/7=uplink", "2001:db8::1/1=eth=0"};
	const struct weir_labels_options options = {exporters, 1, interfaces, 2};
	struct weir_error err;

	(void)state;
	if (weir_vocabulary_new(&weir_vocabulary_limits_default, 1, &vocabulary) ||
	    weir_block_new(&(struct weir_block_limits){.rows_max = 4, .heap_max = 16, .extras_max = 1}, &block))
		return -1;
	block->vocabulary = vocabulary;
	return weir_labels_new(&options, vocabulary, 1, &labels, &err);
}

static int tear_down(void **state)
{
	(void)state;
	weir_labels_free(labels);
	weir_block_free(block);
	weir_vocabulary_free(vocabulary);
	return 0;
}

static struct weir_text text(const char *s)
{
	return (struct weir_text){s, strlen(s)};
}

static void learn(const char *exporter, const char *kind, const char *id, const char *name, const char *value)
{
	struct weir_record r = {.kind = text(kind), .id = text(id), .name = text(name), .value = text(value)};

	assert_int_equal(weir_addr_parse(exporter, &r.exporter), 0);
	weir_labels_learn(labels, &r);
}

/* "exporter|in|out" of a flow. */
static const char *told(const char *exporter, uint32_t in_if, uint32_t out_if)
{
	static char out[256];
	struct weir_column_set set = {0};

	weir_block_reset(block);
	weir_column_set_add(&set, WEIR_COL_EXPORTER_ADDR);
	weir_column_set_add(&set, WEIR_COL_IN_IF);
	weir_column_set_add(&set, WEIR_COL_OUT_IF);
	for (unsigned row = 0; row < 2; row++) { /* the second one as its neighbour */
		assert_int_equal(weir_addr_parse(exporter, &weir_block_addr(block, WEIR_COL_EXPORTER_ADDR)[row]), 0);
		weir_block_u32(block, WEIR_COL_IN_IF)[row] = in_if;
		weir_block_u32(block, WEIR_COL_OUT_IF)[row] = out_if;
	}
	weir_block_commit(block, 2, &set);
	set = (struct weir_column_set){0};
	weir_labels_fill(labels, block, &set);
	weir_block_mark(block, &set);
	(void)snprintf(out, sizeof(out), "%s|%s|%s", weir_block_name(block, WEIR_COL_EXPORTER_NAME, 1).text,
		       weir_block_name(block, WEIR_COL_IN_IF_NAME, 1).text, weir_block_name(block, WEIR_COL_OUT_IF_NAME, 1).text);
	return out;
}

static void test_names_by_their_rank(void **state)
{
	(void)state;
	assert_string_equal(told("192.0.2.1", 7, 8), "core|uplink|");
	assert_string_equal(told("2001:db8::1", 1, 0), "|eth=0|");
	learn("192.0.2.1", "interface", "8", "interfaceDescription", "to the provider");
	assert_string_equal(told("192.0.2.1", 7, 8), "core|uplink|to the provider");
	learn("192.0.2.1", "interface", "8", "interfaceName", "ge-0/0/8");
	learn("192.0.2.1", "interface", "8", "interfaceDescription", "something else");
	learn("192.0.2.1", "interface", "7", "interfaceName", "ge-0/0/7");
	assert_string_equal(told("192.0.2.1", 7, 8), "core|uplink|ge-0/0/8");
	learn("192.0.2.1", "interface", "8", "interfaceName", "ge-0/0/8.1");
	assert_string_equal(told("192.0.2.1", 7, 8), "core|uplink|ge-0/0/8.1");
	learn("192.0.2.9", "host", "1", "hostname", "db1");
	assert_string_equal(told("192.0.2.9", 1, 0), "db1||");
	/* Of no interest, or of no sense. */
	learn("192.0.2.9", "application", "8", "applicationName", "x");
	learn("192.0.2.9", "interface", "eth0", "interfaceName", "x");
	learn("192.0.2.9", "interface", "99999999999", "interfaceName", "x");
	learn("192.0.2.9", "interface", "1", "interfaceName", "");
	assert_string_equal(told("192.0.2.9", 1, 0), "db1||");
}

static void test_an_exporter_has_so_many(void **state)
{
	char id[16];
	char name[16];

	(void)state;
	for (unsigned i = 1; i <= WEIR_LABELS_OF_ONE_MAX + 10; i++) {
		(void)snprintf(id, sizeof(id), "%u", i);
		(void)snprintf(name, sizeof(name), "if%u", i);
		learn("192.0.2.9", "interface", id, "interfaceName", name);
	}
	assert_int_equal(weir_labels_refused(labels), 10);
	assert_string_equal(told("192.0.2.9", WEIR_LABELS_OF_ONE_MAX, WEIR_LABELS_OF_ONE_MAX + 1), "|if4096|");
	learn("192.0.2.8", "interface", "1", "interfaceName", "another's");
	assert_string_equal(told("192.0.2.8", 1, 0), "|another's|");
}

/* One that tells its name otherwise for ever does not fill the vocabulary. */
static void test_names_that_change_have_an_end(void **state)
{
	char name[32];

	(void)state;
	for (unsigned i = 0; i < WEIR_LABELS_NAMES_MAX + 5; i++) {
		(void)snprintf(name, sizeof(name), "name %u", i);
		learn("192.0.2.9", "interface", "1", "interfaceName", name);
	}
	assert_int_equal(weir_labels_refused(labels), 5);
	assert_true(weir_vocabulary_stats(vocabulary).names <= WEIR_LABELS_NAMES_MAX + 3);
}

static void test_mistakes(void **state)
{
	static const char *const lines[] = {"192.0.2.1", "192.0.2.1=", "x=y", "192.0.2.1/3=a"};
	static const char *const interfaces[] = {"192.0.2.1=a", "192.0.2.1/=a", "192.0.2.1/x=a", "192.0.2.1/4294967296=a"};
	struct weir_labels *l;
	struct weir_error err;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct weir_labels_options options = {.exporter = &lines[i], .exporters = 1};

		assert_int_equal(weir_labels_new(&options, vocabulary, 1, &l, &err), -EINVAL);
		assert_string_equal(err.where, "exporters.names, number 1");
		options = (struct weir_labels_options){.interface = &interfaces[i], .interfaces = 1};
		assert_int_equal(weir_labels_new(&options, vocabulary, 1, &l, &err), -EINVAL);
		assert_string_equal(err.where, "exporters.interfaces, number 1");
	}
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(test_names_by_their_rank),
		CASE(test_an_exporter_has_so_many),
		CASE(test_names_that_change_have_an_end),
		CASE(test_mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
