#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "config/option.h"

static int parse(const char *text, struct weir_config *config, struct weir_error *err)
{
	return weir_config_parse("weir.yaml", text, strlen(text), config, err);
}

static void test_defaults(void **state)
{
	struct weir_config config;
	struct weir_error err;

	(void)state;
	assert_int_equal(weir_config_read(NULL, &config, &err), 0);
	assert_string_equal(config.data_dir, "./var");
	assert_int_equal(config.collect_listen.count, 4);
	assert_string_equal(config.collect_listen.item[0], "*:2055");
	assert_string_equal(config.collect_listen.item[1], "*:9995");
	assert_string_equal(config.collect_listen.item[2], "*:4739");
	assert_string_equal(config.collect_listen.item[3], "*:6343");
	assert_int_equal(config.collect_sync_ms, 1000);
	assert_true(config.store_embedded);
	assert_string_equal(config.store_listen, "127.0.0.1:8123");
	assert_string_equal(config.store_url, "");
	assert_int_equal(config.store_flows_retention_s, 90 * 86400);
	assert_string_equal(config.log_level, "info");
	weir_config_done(&config);
	assert_null(config.data_dir);
	weir_config_done(NULL);
}

static void test_reads_every_form(void **state)
{
	struct weir_config config;
	struct weir_error err = {0};

	(void)state;
	assert_int_equal(parse("data_dir: /srv/flows # a comment\n"
			       "collect:\n"
			       "  listen: [\"127.0.0.1:2055\", '[::1]:9995']\n"
			       "  workers: \"3\"\n"
			       "  receive_buffer: 64MiB\n"
			       "  sync: 500ms\n"
			       "spool: {size_max: 2T, segment: 1048576}\n"
			       "store:\n"
			       "  embedded: no\n"
			       "  url: https://[2001:db8::1]:8443/ch\n"
			       "  memory_max: 0\n"
			       "  flows_retention: 2w\n"
			       "log:\n",
			       &config, &err),
			 0);
	assert_string_equal(config.data_dir, "/srv/flows");
	assert_int_equal(config.collect_listen.count, 2);
	assert_string_equal(config.collect_listen.item[1], "[::1]:9995");
	assert_int_equal(config.collect_workers, 3);
	assert_int_equal(config.collect_receive_buffer_bytes, 64 << 20);
	assert_int_equal(config.collect_sync_ms, 500);
	assert_true(config.spool_size_max_bytes == 2ULL << 40);
	assert_int_equal(config.spool_segment_bytes, 1048576);
	assert_false(config.store_embedded);
	assert_string_equal(config.store_url, "https://[2001:db8::1]:8443/ch");
	assert_int_equal(config.store_flows_retention_s, 14 * 86400);
	weir_config_done(&config);
}

static void test_one_address_needs_no_list(void **state)
{
	struct weir_config config;
	struct weir_error err = {0};

	(void)state;
	assert_int_equal(parse("collect:\n  listen: \"*:2055\"\n", &config, &err), 0);
	assert_int_equal(config.collect_listen.count, 1);
	weir_config_done(&config);
}

static void test_a_failure_leaves_the_result_alone(void **state)
{
	struct weir_config config = {.collect_workers = 77};
	struct weir_error err = {0};

	(void)state;
	assert_int_equal(parse("collect:\n  workers: 5\nspool:\n  segment: huge\n", &config, &err), -EINVAL);
	assert_int_equal(config.collect_workers, 77);
	assert_string_equal(err.where, "weir.yaml:4:12");
	assert_non_null(strstr(err.what, "spool.segment"));
	assert_non_null(strstr(err.next, "64K"));
}

static void test_show_reads_back_the_same(void **state)
{
	struct weir_config config;
	struct weir_config again;
	struct weir_error err = {0};
	struct weir_buffer first = {0};
	struct weir_buffer second = {0};

	(void)state;
	assert_int_equal(parse("data_dir: 'a \"quoted\" \\ folder'\nlog: {level: debug}\nstore: {flows_retention: 0}\n",
			       &config, &err),
			 0);
	assert_int_equal(weir_config_show(&config, &first), 0);
	assert_int_equal(parse(weir_buffer_cstr(&first), &again, &err), 0);
	assert_string_equal(again.data_dir, "a \"quoted\" \\ folder");
	assert_int_equal(weir_config_show(&again, &second), 0);
	assert_string_equal(weir_buffer_cstr(&first), weir_buffer_cstr(&second));
	weir_buffer_done(&first);
	weir_buffer_done(&second);
	weir_config_done(&config);
	weir_config_done(&again);
}

/* Each row: what is in the table must be reachable, its default within its own range, and each option shown. */
static void test_table_agrees_with_itself(void **state)
{
	struct weir_config config;
	struct weir_error err;
	struct weir_buffer shown = {0};

	(void)state;
	assert_int_equal(weir_config_defaults(&config, &err), 0);
	assert_int_equal(weir_config_show(&config, &shown), 0);
	for (const struct weir_config_option *o = weir_config_options; o->path; o++) {
		char line[64];

		(void)snprintf(line, sizeof(line), "\n%s%s:", weir_config_section_len(o->path) ? "  " : "",
			       weir_config_name(o->path));
		if (!strstr(weir_buffer_cstr(&shown), line))
			fail_msg("%s is not shown", o->path);
		if (strlen(o->help) < 10 || o->help[strlen(o->help) - 1] != '.')
			fail_msg("%s: the help is no sentence", o->path);
		for (const struct weir_config_option *p = weir_config_options; p != o; p++) {
			if (strcmp(p->path, o->path) == 0 || p->offset == o->offset)
				fail_msg("%s and %s are the same", p->path, o->path);
		}
	}
	weir_buffer_done(&shown);
	weir_config_done(&config);
}

static void test_file_that_is_too_large(void **state)
{
	struct weir_config config;
	struct weir_error err = {0};
	char *text = malloc(WEIR_CONFIG_SIZE_MAX + 1);

	(void)state;
	assert_non_null(text);
	memset(text, '#', WEIR_CONFIG_SIZE_MAX + 1);
	assert_int_equal(weir_config_parse("big", text, WEIR_CONFIG_SIZE_MAX + 1, &config, &err), -EFBIG);
	assert_int_equal(weir_config_parse("big", text, WEIR_CONFIG_SIZE_MAX, &config, &err), 0);
	weir_config_done(&config);
	free(text);
}

static void test_file_that_cannot_be_read(void **state)
{
	struct weir_config config;
	struct weir_error err = {0};

	(void)state;
	assert_int_equal(weir_config_read("/nonexistent/weir.yaml", &config, &err), -ENOENT);
	assert_string_equal(err.where, "/nonexistent/weir.yaml");
	assert_non_null(strstr(err.next, "weir config show"));
	assert_int_equal(weir_config_read("/", &config, &err), -EISDIR);
	assert_string_not_equal(err.next, "");
}

static void test_which_file_is_used(void **state)
{
	char dir[] = "/tmp/weir-config-XXXXXX";
	char before[4096];
	const char *found;

	(void)state;
	assert_non_null(getcwd(before, sizeof(before)));
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chdir(dir), 0);
	unsetenv("WEIR_CONFIG");
	found = weir_config_find(NULL);
	/* What the machine has in /etc is not the test's. */
	assert_true(!found || strcmp(found, "/etc/weir/weir.yaml") == 0);
	assert_int_equal(fclose(fopen("weir.yaml", "w")), 0);
	assert_string_equal(weir_config_find(NULL), "weir.yaml");
	setenv("WEIR_CONFIG", "", 1);
	assert_string_equal(weir_config_find(NULL), "weir.yaml");
	setenv("WEIR_CONFIG", "/other.yaml", 1);
	assert_string_equal(weir_config_find(NULL), "/other.yaml");
	assert_string_equal(weir_config_find("named.yaml"), "named.yaml");
	unsetenv("WEIR_CONFIG");
	assert_int_equal(unlink("weir.yaml"), 0);
	assert_int_equal(chdir(before), 0);
	assert_int_equal(rmdir(dir), 0);
}

static void test_documentation_is_fresh(void **state)
{
	static char kept[65536];
	struct weir_buffer made = {0};
	FILE *file = fopen(WEIR_SOURCE_DIR "/doc/configuration.md", "r");

	(void)state;
	if (!file)
		fail_msg("doc/configuration.md is missing: weir reference config >doc/configuration.md");
	kept[fread(kept, 1, sizeof(kept) - 1, file)] = '\0';
	assert_int_equal(fclose(file), 0);
	assert_int_equal(weir_config_document(&made), 0);
	if (strcmp(kept, weir_buffer_cstr(&made)) != 0)
		fail_msg("doc/configuration.md is not of this table: weir reference config >doc/configuration.md");
	weir_buffer_done(&made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_reads_every_form),
		cmocka_unit_test(test_one_address_needs_no_list),
		cmocka_unit_test(test_a_failure_leaves_the_result_alone),
		cmocka_unit_test(test_show_reads_back_the_same),
		cmocka_unit_test(test_table_agrees_with_itself),
		cmocka_unit_test(test_file_that_is_too_large),
		cmocka_unit_test(test_file_that_cannot_be_read),
		cmocka_unit_test(test_which_file_is_used),
		cmocka_unit_test(test_documentation_is_fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
