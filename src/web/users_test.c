#include "web/users.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "web/audit.h"

static void test_passwords(void **state)
{
	char hash[WEIR_WEB_HASH_MAX], again[WEIR_WEB_HASH_MAX];

	(void)state;
	assert_int_equal(weir_web_password_hash("correct horse", hash), 0);
	assert_int_equal(weir_web_password_hash("correct horse", again), 0);
	assert_string_not_equal(hash, again); /* salted */
	assert_null(strstr(hash, "horse"));
	assert_true(weir_web_password_is("correct horse", hash));
	assert_false(weir_web_password_is("correct hors", hash));
	assert_false(weir_web_password_is("", hash));
	assert_false(weir_web_password_is("x", "-"));
	assert_false(weir_web_password_is("x", ""));
	assert_false(weir_web_password_is("x", "scrypt:99:8:1:00:00"));
}

static void test_secrets(void **state)
{
	char a[WEIR_WEB_SECRET_TEXT], b[WEIR_WEB_SECRET_TEXT], hash[WEIR_WEB_SECRET_TEXT];

	(void)state;
	assert_int_equal(weir_web_secret_new(a), 0);
	assert_int_equal(weir_web_secret_new(b), 0);
	assert_string_not_equal(a, b);
	weir_web_secret_hash("abc", hash);
	/* FIPS 180-4's example. */
	assert_string_equal(hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	weir_web_secret_sign("key", "The quick brown fox jumps over the lazy dog", hash);
	assert_string_equal(hash, "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8");
}

static const char *folder(void)
{
	static char name[64];

	(void)snprintf(name, sizeof(name), "/tmp/weir_users_XXXXXX");
	assert_non_null(mkdtemp(name));
	return name;
}

static void test_file(void **state)
{
	const char *dir = folder();
	char path[128], other[160];
	struct weir_web_users users = {0};
	struct weir_web_user alice = {.kind = WEIR_WEB_USER, .name = "alice", .role = WEIR_WEB_ADMINISTRATOR, .secret = "scrypt:x", .day = "2026-01-31"};
	struct weir_web_user token = {.kind = WEIR_WEB_TOKEN, .name = "alice", .role = WEIR_WEB_VIEWER, .secret = "aaaa", .day = "2026-01-31"};
	struct weir_error err = {0};
	struct stat st;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/users", dir);
	assert_int_equal(weir_web_users_read(path, &users, &err), 0); /* none is no mistake */
	assert_int_equal(users.count, 0);
	assert_int_equal(weir_web_users_set(&users, &alice), 0);
	assert_int_equal(weir_web_users_set(&users, &token), 0);
	assert_int_equal(weir_web_users_write(path, &users, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	weir_web_users_done(&users);
	assert_int_equal(weir_web_users_read(path, &users, &err), 0);
	assert_int_equal(users.count, 2);
	assert_int_equal(weir_web_users_find(&users, WEIR_WEB_USER, "alice")->role, WEIR_WEB_ADMINISTRATOR);
	assert_null(weir_web_users_find(&users, WEIR_WEB_USER, "bob"));
	assert_string_equal(weir_web_users_token(&users, "aaaa")->name, "alice");
	assert_null(weir_web_users_token(&users, "scrypt:x")); /* a user's hash is no token */
	alice.role = WEIR_WEB_VIEWER;
	assert_int_equal(weir_web_users_set(&users, &alice), 0);
	assert_int_equal(users.count, 2);
	assert_int_equal(weir_web_users_remove(&users, WEIR_WEB_USER, "alice"), 0);
	assert_int_equal(weir_web_users_remove(&users, WEIR_WEB_USER, "alice"), -ENOENT);
	assert_int_equal(users.count, 1);
	weir_web_users_done(&users);
	(void)snprintf(other, sizeof(other), "%s/no/users", dir);
	assert_int_not_equal(weir_web_users_write(other, &users, &err), 0);
	(void)unlink(path);
	(void)rmdir(dir);
}

static void test_wrong_files(void **state)
{
	static const char *const WRONG[] = {
		"nonsense\n", "user\talice\tking\tx\t2026-01-31\n", "user\tal ice\tviewer\tx\t2026-01-31\n", "user\talice\tviewer\t\t2026-01-31\n",
		"user\talice\tviewer\tx\n", "user\talice\tviewer\tx\t2026-01-31\tmore\n", "group\talice\tviewer\tx\t2026-01-31\n",
		"user\talice\tnone\tx\t2026-01-31\n",
	};
	struct weir_web_users users = {0};
	struct weir_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
		if (weir_web_users_parse("users", WRONG[i], strlen(WRONG[i]), &users, &err) != -EINVAL)
			fail_msg("%s", WRONG[i]);
		assert_string_equal(err.where, "users:1");
	}
	assert_false(weir_web_name_is_right(""));
	assert_false(weir_web_name_is_right("a\tb"));
	assert_false(weir_web_name_is_right("a\nb"));
	assert_true(weir_web_name_is_right("a.b-c_d@example.org"));
}

static void test_audit(void **state)
{
	const char *dir = folder();
	struct weir_web_audit audit;
	struct weir_web_audit_entry entry = {.time_ms = 0, .user = "eve\n", .from = "192.0.2.1", .action = "sql", .result = "ok", .detail = "SELECT \"\n"};
	struct weir_error err;
	struct weir_buffer out;
	char path[128];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/log", dir);
	weir_buffer_init(&out);
	assert_int_equal(weir_web_audit_open(&audit, path, &err), 0);
	assert_int_equal(weir_web_audit_read(&audit, 10, &out), 0);
	assert_int_equal(out.len, 0);
	for (unsigned i = 0; i < 3; i++) {
		entry.time_ms = i * 1000;
		assert_int_equal(weir_web_audit_write(&audit, &entry), 0);
	}
	assert_int_equal(weir_web_audit_read(&audit, 2, &out), 0);
	assert_string_equal(weir_buffer_cstr(&out),
			    "{\"time\":\"1970-01-01T00:00:02.000Z\",\"user\":\"eve\\n\",\"from\":\"192.0.2.1\",\"action\":\"sql\",\"result\":\"ok\","
			    "\"detail\":\"SELECT \\\"\\n\"},"
			    "{\"time\":\"1970-01-01T00:00:01.000Z\",\"user\":\"eve\\n\",\"from\":\"192.0.2.1\",\"action\":\"sql\",\"result\":\"ok\","
			    "\"detail\":\"SELECT \\\"\\n\"}");
	weir_buffer_done(&out);
	weir_web_audit_close(&audit);
	(void)unlink(path);
	(void)rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_passwords),   cmocka_unit_test(test_secrets), cmocka_unit_test(test_file),
		cmocka_unit_test(test_wrong_files), cmocka_unit_test(test_audit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
