#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "notify/target.h"
#include "policy/rule.h"

#define TEXT(s) {(s), sizeof(s) - 1}

static void test_kinds(void **state)
{
	static const struct {
		const char *text;
		enum weir_notify_kind kind;
		const char *url, *shown, *host, *port;
	} CASES[] = {
		{"a syslog://10.0.0.1", WEIR_NOTIFY_SYSLOG_UDP, "10.0.0.1:514", "syslog://10.0.0.1:514", "10.0.0.1", "514"},
		{"a syslog://[2001:db8::1]:1514", WEIR_NOTIFY_SYSLOG_UDP, "[2001:db8::1]:1514", "syslog://[2001:db8::1]:1514", "2001:db8::1", "1514"},
		{"a syslog+tcp://h", WEIR_NOTIFY_SYSLOG_TCP, "http://h:601", "syslog+tcp://h:601", "h", "601"},
		{"a syslog+tls://h:99", WEIR_NOTIFY_SYSLOG_TLS, "https://h:99", "syslog+tls://h:99", "h", "99"},
		{"a https://h/secret/path?x=1", WEIR_NOTIFY_WEBHOOK, "https://h/secret/path?x=1", "https://h", "h", ""},
		{"a http://[::1]:8080", WEIR_NOTIFY_WEBHOOK, "http://[::1]:8080", "http://[::1]:8080", "::1", "8080"},
		{"a smtps://h from=a@b to=c@d", WEIR_NOTIFY_MAIL, "smtps://h:465", "smtps://h:465", "h", "465"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct weir_notify_target t;
		struct weir_error err = {0};

		if (weir_notify_target_parse(CASES[i].text, &t, &err))
			fail_msg("%s: %s", CASES[i].text, err.what);
		assert_int_equal(t.kind, CASES[i].kind);
		assert_string_equal(t.url, CASES[i].url);
		assert_string_equal(t.shown, CASES[i].shown);
		assert_string_equal(t.host, CASES[i].host);
		assert_string_equal(t.port, CASES[i].port);
		weir_notify_target_done(&t);
	}
}

static void test_mistakes(void **state)
{
	static const struct {
		const char *text, *says;
	} CASES[] = {
		{"", "begins with its name"},
		{"Name syslog://h", "begins with its name"},
		{"name-of-more-than-23-characters syslog://h", "begins with its name"},
		{"a", "no URL"},
		{"a ftp://h", "no scheme"},
		{"a syslog://", "no HOST"},
		{"a syslog://h:x", "no HOST"},
		{"a http://user:secret@h/", "a user or a password"},
		{"a syslog://h colour=red", "is no option"},
		{"a syslog://h level=loud", "no such level"},
		{"a syslog://h form=slack", "is not for"},
		{"a http://h form=telegraph", "no such form"},
		{"a http://h template=/no/such/file", "cannot be read"},
		{"a http://h per_minute=0", "per_minute=0"},
		{"a http://h repeat=soon", "no duration"},
		{"a smtp://h", "a sender and a recipient"},
		{"a smtp://h from=a@b to=c", "no mail address"},
		{"a smtp://h from=a@b to=c@d,e@f", "no mail address"},
		{"a smtp://h from=a@b to=c@d user=u", "go together"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct weir_notify_target t;
		struct weir_error err = {0};

		assert_true(weir_notify_target_parse(CASES[i].text, &t, &err) < 0);
		if (!strstr(err.what, CASES[i].says))
			fail_msg("%s: %s", CASES[i].text, err.what);
		assert_null(strstr(err.what, "secret"));
		assert_null(strstr(err.where, "secret"));
	}
}

static void test_secrets_come_from_files(void **state)
{
	char path[] = "/tmp/weir-secret-XXXXXX";
	int fd = mkstemp(path);
	struct weir_notify_target t;
	struct weir_error err = {0};
	char text[256];

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "https://h/T0/B0/xyz\nmore", 24), 24);
	(void)snprintf(text, sizeof(text), "chat https://elsewhere url_file=%s token_file=%s form=slack", path, path);
	assert_int_equal(weir_notify_target_parse(text, &t, &err), 0);
	assert_string_equal(t.url, "https://h/T0/B0/xyz");
	assert_string_equal(t.shown, "https://h");
	assert_string_equal(t.token, "https://h/T0/B0/xyz");
	weir_notify_target_done(&t);
	assert_string_equal(t.token, "");
	(void)snprintf(text, sizeof(text), "m smtp://h from=a@b to=c@d to=e@f user=u password_file=%s", path);
	assert_int_equal(weir_notify_target_parse(text, &t, &err), 0);
	assert_string_equal(t.password, "https://h/T0/B0/xyz");
	assert_int_equal(t.recipients, 2);
	weir_notify_target_done(&t);
	/* A file whose text has a value that there is none of. */
	assert_int_equal(pwrite(fd, "{\"a\":\"${whom}\"}        ", 23, 0), 23);
	(void)snprintf(text, sizeof(text), "w http://h template=%s", path);
	assert_true(weir_notify_target_parse(text, &t, &err) < 0);
	assert_non_null(strstr(err.what, "${whom}"));
	(void)close(fd);
	(void)unlink(path);
}

static void test_what_it_wants(void **state)
{
	struct weir_record e = {.level = TEXT("warning"), .kind = TEXT("dns"), .name = TEXT("dns/unapproved")};
	static const struct {
		const char *options;
		bool wants;
	} CASES[] = {
		{"", true},
		{"level=info", true},
		{"level=error", false},
		{"category=web+dns", true},
		{"category=web", false},
		{"rule=dns/", true},
		{"rule=dns/unapproved", true},
		{"rule=dns", false},
		{"rule=ntp/+dns/other", false},
		{"category=dns rule=ntp/", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct weir_notify_target t;
		char text[128];

		(void)snprintf(text, sizeof(text), "a syslog://h %s", CASES[i].options);
		assert_int_equal(weir_notify_target_parse(text, &t, NULL), 0);
		if (weir_notify_target_wants(&t, &e) != CASES[i].wants)
			fail_msg("%s", CASES[i].options);
		weir_notify_target_done(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_secrets_come_from_files),
		cmocka_unit_test(test_what_it_wants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
