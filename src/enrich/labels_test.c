#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "enrich/labels.h"

static struct weir_vocabulary *vocabulary;
static struct weir_labels *labels;
static struct weir_block *block;
static uint64_t words_left = 1000;
static uint32_t before; /* a name that the decoder put into all columns; 0: none */

static int set_up(void **state)
{
	static const char *const exporters[] = {"192.0.2.1=core"};
	static const char *const interfaces[] = {"192.0.2.1/7=uplink", "2001:db8::1/1=eth=0"};
	const struct weir_labels_options options = {.exporter = exporters, .exporters = 1, .interface = interfaces, .interfaces = 2, .seed = 1};
	struct weir_error err;

	(void)state;
	before = 0;
	if (weir_vocabulary_new(&weir_vocabulary_limits_default, 1, &vocabulary) ||
	    weir_block_new(&(struct weir_block_limits){.rows_max = 4, .heap_max = 16, .extras_max = 1}, &block))
		return -1;
	block->vocabulary = vocabulary;
	return weir_labels_load(&options, vocabulary, &words_left, &labels, &err);
}

static int tear_down(void **state)
{
	(void)state;
	weir_labels_free(labels);
	weir_block_free(block);
	weir_vocabulary_free(vocabulary);
	return 0;
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
		weir_block_u32(block, WEIR_COL_EXPORTER_NAME)[row] = before;
		weir_block_u32(block, WEIR_COL_IN_IF_NAME)[row] = before;
		weir_block_u32(block, WEIR_COL_OUT_IF_NAME)[row] = before;
	}
	weir_block_commit(block, 2, &set);
	set = (struct weir_column_set){0};
	weir_labels_fill(labels, block, &set);
	weir_block_mark(block, &set);
	(void)snprintf(out, sizeof(out), "%s|%s|%s", weir_block_name(block, WEIR_COL_EXPORTER_NAME, 1).text,
		       weir_block_name(block, WEIR_COL_IN_IF_NAME, 1).text, weir_block_name(block, WEIR_COL_OUT_IF_NAME, 1).text);
	return out;
}

/* What the exporter told is in the block before; only what the configuration says takes its place. */
static void test_names_of_the_configuration(void **state)
{
	(void)state;
	assert_string_equal(told("192.0.2.1", 7, 8), "core|uplink|");
	assert_string_equal(told("2001:db8::1", 1, 0), "|eth=0|");
	assert_string_equal(told("192.0.2.9", 7, 1), "||");
	assert_int_equal(weir_vocabulary_add(vocabulary, "ge-0/0/8", 8, &before), 0);
	assert_string_equal(told("192.0.2.1", 7, 8), "core|uplink|ge-0/0/8");
	assert_string_equal(told("192.0.2.9", 7, 1), "ge-0/0/8|ge-0/0/8|ge-0/0/8");
}

static void test_there_may_be_many(void **state)
{
	enum { MANY = 2000 };
	static char text[MANY][32];
	static const char *lines[MANY];
	const struct weir_labels_options options = {.interface = lines, .interfaces = MANY, .seed = 3};
	struct weir_error err;

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		(void)snprintf(text[i], sizeof(text[i]), "10.0.%u.%u/%u=if%u", i >> 8, i & 255, i + 1, i);
		lines[i] = text[i];
	}
	weir_labels_free(labels);
	assert_int_equal(weir_labels_load(&options, vocabulary, &words_left, &labels, &err), 0);
	assert_string_equal(told("10.0.0.0", 1, 2), "|if0|");
	assert_string_equal(told("10.0.7.207", 2000, 0), "|if1999|");
}

/* SNMP's stand behind what the exporter tells, and behind the configuration's; new ones have an end. */
static void test_names_of_a_file(void **state)
{
	static const char *const interfaces[] = {"192.0.2.1/7=uplink"};
	char path[] = "/tmp/weir-labels-XXXXXX";
	int fd = mkstemp(path);
	struct weir_labels_options options = {.interface = interfaces, .interfaces = 1, .file = path, .seed = 3};
	struct weir_error err;
	uint64_t few = 5;

	(void)state;
	assert_true(fd >= 0);
	dprintf(fd, "exporter,interface,name,description,speed_bps\n192.0.2.1,0,\"core \"\"1\"\"\",\"\",0\n"
		    "192.0.2.1,7,\"polled7\",\"\",0\n192.0.2.1,8,\"polled, 8\",\"to the cellar\",1000\nnonsense\n192.0.2.1,x,\"y\",,\n"
		    "192.0.2.2,1,\"one\",,\n192.0.2.2,2,\"\",,\n192.0.2.2,3,\"three\",,\n192.0.2.2,4,\"one too many\",,\n");
	weir_labels_free(labels);
	assert_int_equal(weir_labels_load(&options, vocabulary, &few, &labels, &err), 0);
	assert_int_equal(few, 0);
	assert_string_equal(told("192.0.2.1", 7, 8), "core \"1\"|uplink|polled, 8");
	assert_string_equal(told("192.0.2.2", 1, 3), "|one|three");
	assert_string_equal(told("192.0.2.2", 2, 4), "||");
	assert_int_equal(weir_vocabulary_add(vocabulary, "told", 4, &before), 0);
	assert_string_equal(told("192.0.2.1", 7, 8), "told|uplink|told");
	close(fd);
	unlink(path);
	/* Without the file there is what the configuration says. */
	weir_labels_free(labels);
	assert_int_equal(weir_labels_load(&options, vocabulary, &few, &labels, &err), 0);
	before = 0;
	assert_string_equal(told("192.0.2.1", 7, 8), "|uplink|");
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

		assert_int_equal(weir_labels_load(&options, vocabulary, &words_left, &l, &err), -EINVAL);
		assert_string_equal(err.where, "exporters.names, number 1");
		options = (struct weir_labels_options){.interface = &interfaces[i], .interfaces = 1};
		assert_int_equal(weir_labels_load(&options, vocabulary, &words_left, &l, &err), -EINVAL);
		assert_string_equal(err.where, "exporters.interfaces, number 1");
	}
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(test_names_of_the_configuration),
		CASE(test_there_may_be_many),
		CASE(test_names_of_a_file),
		CASE(test_mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
