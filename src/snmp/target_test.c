#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "snmp/target.h"

static char folder[] = "/tmp/weir-target-XXXXXX";

static const char *file(const char *name, const char *text, mode_t mode)
{
	static char path[4][64];
	static unsigned next;
	char *at = path[next++ % 4];
	FILE *f;

	(void)snprintf(at, sizeof(path[0]), "%s/%s", folder, name);
	f = fopen(at, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(at, mode), 0);
	return at;
}

static struct weir_addr addr(const char *text)
{
	struct weir_addr a;

	assert_int_equal(weir_addr_parse(text, &a), 0);
	return a;
}

static void test_what_a_line_says(void **state)
{
	char line[3][256];
	const char *lines[] = {line[0], line[1], line[2]};
	struct weir_snmp_targets targets;
	const struct weir_snmp_target *t;
	struct weir_error err = {0};
	struct weir_addr who;

	(void)state;
	(void)setenv("WEIR_TEST_SECRET", "from outside", 1);
	(void)snprintf(line[0], sizeof(line[0]), "10.0.0.0/8,community_file=%s", file("community", "  public one \nmore\n", 0600));
	(void)snprintf(line[1], sizeof(line[1]), "10.1.2.3,port=1161,user=weir,auth=SHA-512,auth_file=%s,priv=AES,priv_env=WEIR_TEST_SECRET",
		       file("auth", "12345678", 0640));
	(void)snprintf(line[2], sizeof(line[2]), "2001:db8::/32,community_env=WEIR_TEST_SECRET");
	if (weir_snmp_targets_read(lines, 3, true, &targets, &err))
		fail_msg("%s: %s", err.where, err.what);
	who = addr("10.1.2.4");
	t = weir_snmp_targets_find(&targets, &who);
	assert_false(t->v3);
	assert_int_equal(t->port, 161);
	assert_string_equal(t->secret.text, "public one");
	who = addr("10.1.2.3");
	t = weir_snmp_targets_find(&targets, &who);
	assert_true(t->v3);
	assert_int_equal(t->port, 1161);
	assert_int_equal(t->auth, WEIR_SNMP_SHA512);
	assert_string_equal(t->user, "weir");
	assert_string_equal(t->secret.text, "12345678");
	assert_string_equal(t->privacy.text, "from outside");
	who = addr("2001:db8::1");
	assert_non_null(weir_snmp_targets_find(&targets, &who));
	who = addr("192.0.2.1");
	assert_null(weir_snmp_targets_find(&targets, &who));
	weir_snmp_targets_done(&targets);
}

/* No mistake's text has anything of the line. */
static void test_mistakes(void **state)
{
	static const char *const LINES[] = {
		"10.0.0.0/8",
		"10.0.0.0/8,",
		"10.0.0.0/8,hunter2",
		"10.0.0.0/8,community=hunter2",
		"10.0.0.0/8,community_file=",
		"10.0.0.0/8,community_file=hunter2,community_env=hunter2",
		"10.0.0.0/8,community_file=hunter2,community_file=hunter2",
		"hunter2,community_file=x",
		",community_file=x",
		"10.0.0.1,community_file=x,user=hunter2",
		"10.0.0.1,community_file=x,auth=SHA",
		"10.0.0.1,community_file=x,port=0",
		"10.0.0.1,community_file=x,port=70000",
		"10.0.0.1,user=hunter2,auth=MD5,auth_file=x,priv=AES,priv_file=x",
		"10.0.0.1,user=hunter2,auth=SHA,auth_file=x,priv=DES,priv_file=x",
		"10.0.0.1,user=hunter2,auth=SHA,auth_file=x",
		"10.0.0.1,user=hunter2,auth=SHA,priv=AES,priv_file=x",
		"10.0.0.1,user=hunter2hunter2hunter2hunter2hunter2,auth=SHA,auth_file=x,priv=AES,priv_file=x",
	};
	struct weir_snmp_targets targets;

	(void)state;
	for (size_t i = 0; i < sizeof(LINES) / sizeof(LINES[0]); i++) {
		struct weir_error err = {0};

		if (weir_snmp_targets_read(&LINES[i], 1, false, &targets, &err) != -EINVAL)
			fail_msg("taken: %s", LINES[i]);
		assert_string_equal(err.where, "snmp.targets, number 1");
		if (strstr(err.what, "hunter2") || strstr(err.next, "hunter2"))
			fail_msg("%s is told: %s", LINES[i], err.what);
	}
}

static void test_secrets(void **state)
{
	static const struct {
		const char *text;
		mode_t mode;
		int rc;
	} FILES[] = {{"x", 0600, 0}, {"x", 0644, -EACCES}, {"", 0600, -EINVAL}, {"\n\nx", 0600, -EINVAL}, {"  \t\n", 0600, -EINVAL}};
	struct weir_secret secret;
	struct weir_error err;
	char longest[300];

	(void)state;
	for (size_t i = 0; i < sizeof(FILES) / sizeof(FILES[0]); i++)
		assert_int_equal(weir_secret_read_file(file("secret", FILES[i].text, FILES[i].mode), &secret, &err), FILES[i].rc);
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(weir_secret_read_file(file("secret", longest, 0600), &secret, &err), -EINVAL);
	assert_int_equal(weir_secret_read_file("/nowhere/at/all", &secret, &err), -ENOENT);
	assert_int_equal(weir_secret_read_environment("WEIR_TEST_IS_NOT_SET", &secret, &err), -ENOENT);
	weir_secret_done(&secret);
	assert_int_equal(secret.len, 0);
}

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
	static const char *const NAMES[] = {"community", "auth", "secret", ""};
	char path[64];

	(void)state;
	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder, NAMES[i]);
		(void)remove(path);
	}
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_a_line_says),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_secrets),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
