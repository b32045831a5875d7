#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "notify/form.h"

#define TEXT(s) {(s), sizeof(s) - 1}

static struct weir_record event(void)
{
	return (struct weir_record){
		.time_ms = 1769853600000,
		.last_ms = 1769853661500,
		.number = 77,
		.level = TEXT("critical"),
		.kind = TEXT("dns"),
		.name = TEXT("dns/unapproved"),
		.action = TEXT("alert"),
		.subject = TEXT("10.1.2.3"),
		.service = TEXT("dns"),
		.value = TEXT("10.1.2.3 asks 192.0.2.1"),
		.filter = TEXT("rule \"dns/unapproved\""),
		.client = {{[10] = 0xff, 0xff, 10, 1, 2, 3}},
		.server = {{[10] = 0xff, 0xff, 192, 0, 2, 1}},
		.flows = 12,
		.bytes = 3456,
		.packets = 24,
	};
}

static const char *written(struct weir_buffer *out)
{
	const char *text = weir_buffer_cstr(out);

	assert_non_null(text);
	return text;
}

static void test_syslog(void **state)
{
	struct weir_record e = event();
	struct weir_buffer out;

	(void)state;
	weir_buffer_init(&out);
	assert_int_equal(weir_notify_write_syslog(&e, "host1", 42, 8192, &out), 0);
	assert_string_equal(written(&out),
			    "<130>1 2026-01-31T10:01:01.500Z host1 weir 42 event [weir@32473 rule=\"dns/unapproved\" category=\"dns\" action=\"alert\" "
			    "subject=\"10.1.2.3\" client=\"10.1.2.3\" server=\"192.0.2.1\" service=\"dns\" flows=\"12\" bytes=\"3456\" packets=\"24\" "
			    "first=\"2026-01-31T10:00:00.000Z\" last=\"2026-01-31T10:01:01.500Z\" id=\"77\" "
			    "filter=\"rule \\\"dns/unapproved\\\"\"] 10.1.2.3 asks 192.0.2.1");
	weir_buffer_done(&out);
}

/* What stands in an event ends neither its place nor its line, and what is cut is cut between characters. */
static void test_syslog_of_hostile_values(void **state)
{
	struct weir_record e = event();
	struct weir_buffer out;
	const char *text;

	(void)state;
	weir_buffer_init(&out);
	e.subject = (struct weir_text)TEXT("a\"] x\n<1>1 - - \x80z");
	e.value = (struct weir_text)TEXT("one\ntwo\r\xc3\xa4\xc3\xa4\xc3\xa4");
	assert_int_equal(weir_notify_write_syslog(&e, "a host\n", 42, 8192, &out), 0);
	text = written(&out);
	assert_non_null(strstr(text, "subject=\"a\\\"\\] x <1>1 - - \xef\xbf\xbdz\""));
	assert_non_null(strstr(text, " a_host_ weir "));
	assert_non_null(strstr(text, "] one two \xc3\xa4\xc3\xa4\xc3\xa4"));
	assert_null(strchr(text, '\n'));
	for (size_t max = out.len - 6, len = out.len; max < len; max++) {
		weir_buffer_reset(&out);
		assert_int_equal(weir_notify_write_syslog(&e, "a host\n", 42, max, &out), 0);
		assert_int_equal(out.len, len - (len - max + 1) / 2 * 2); /* characters of two bytes each */
	}
	weir_buffer_done(&out);
}

static void test_forms_are_whole(void **state)
{
	struct weir_record e = event();
	const struct weir_notify_form *form;
	struct weir_buffer out;
	char bad[32];

	(void)state;
	weir_buffer_init(&out);
	e.value = (struct weir_text)TEXT("\"},\"x\":{\"\n\\");
	for (unsigned i = 0; (form = weir_notify_form_at(i)); i++) {
		assert_int_equal(weir_notify_form_check(form->text, bad, sizeof(bad)), 0);
		assert_ptr_equal(weir_notify_form_find(form->name), form);
		weir_buffer_reset(&out);
		assert_int_equal(weir_notify_write_form(form, &e, "host1", &out), 0);
		assert_non_null(strstr(written(&out), "\\\"},\\\"x\\\":{\\\"\\n\\\\"));
		assert_null(strstr(written(&out), "${"));
	}
	assert_null(weir_notify_form_find("carrier-pigeon"));
	weir_buffer_done(&out);
}

static void test_no_markup_comes_from_an_event(void **state)
{
	struct weir_record e = event();
	struct weir_buffer out;

	(void)state;
	weir_buffer_init(&out);
	e.value = (struct weir_text)TEXT("<!channel> @all [x](http://y)");
	e.filter = (struct weir_text)TEXT("bytes < 5");
	assert_int_equal(weir_notify_write_form(weir_notify_form_find("slack"), &e, "host1", &out), 0);
	assert_null(strstr(written(&out), "<!channel>"));
	assert_non_null(strstr(written(&out), "weir flows 'bytes < 5'"));
	weir_buffer_reset(&out);
	assert_int_equal(weir_notify_write_form(weir_notify_form_find("mattermost"), &e, "host1", &out), 0);
	assert_null(strstr(written(&out), "@all"));
	assert_null(strstr(written(&out), "[x]"));
	weir_buffer_reset(&out);
	assert_int_equal(weir_notify_write_form(weir_notify_form_find("json"), &e, "host1", &out), 0);
	assert_non_null(strstr(written(&out), "<!channel> @all [x](http://y)"));
	weir_buffer_done(&out);
}

static void test_templates(void **state)
{
	const struct weir_notify_form own = {.name = "own", .text = "${level}/${flows} $ {x} ${color} $${host}"};
	struct weir_record e = event();
	struct weir_buffer out;
	char bad[32];

	(void)state;
	weir_buffer_init(&out);
	assert_int_equal(weir_notify_form_check(own.text, bad, sizeof(bad)), 0);
	assert_int_equal(weir_notify_write_form(&own, &e, "host1", &out), 0);
	assert_string_equal(written(&out), "critical/12 $ {x} cf222e $host1");
	assert_int_not_equal(weir_notify_form_check("a ${nothing} b", bad, sizeof(bad)), 0);
	assert_string_equal(bad, "${nothing}");
	assert_int_not_equal(weir_notify_form_check("a ${level", bad, sizeof(bad)), 0);
	assert_string_equal(bad, "${level");
	weir_buffer_done(&out);
}

static void test_mail(void **state)
{
	const char *const to[] = {"soc@example.com", "noc@example.com"};
	const struct weir_notify_mail mail = {.from = "weir@example.com", .to = to, .recipients = 2, .now_s = 1769853600};
	struct weir_record e = event();
	struct weir_buffer out;
	const char *text;

	(void)state;
	weir_buffer_init(&out);
	assert_int_equal(weir_notify_write_mail(&e, &mail, "host1", &out), 0);
	text = written(&out);
	assert_ptr_equal(strstr(text, "Date: Sat, 31 Jan 2026 10:00:00 +0000\r\nFrom: weir <weir@example.com>\r\nTo: <soc@example.com>,\r\n "
				      "<noc@example.com>\r\nSubject: [weir] critical: 10.1.2.3 asks 192.0.2.1\r\n"
				      "Message-ID: <77.1769853661500@host1>\r\n"),
			 text);
	assert_non_null(strstr(text, "\r\n\r\nMTAuMS4yLjMgYXNrcyAxOTIuMC4yLjEK")); /* "10.1.2.3 asks 192.0.2.1\n" */
	for (const char *p = text; (p = strchr(p, '\n')); p++) {
		assert_int_equal(p[-1], '\r');
		assert_true(strcspn(p + 1, "\r") <= 76);
	}
	/* A header is not ended from within. */
	weir_buffer_reset(&out);
	e.value = (struct weir_text)TEXT("x\r\nBcc: <all@example.com>\r\n\r\nhello");
	assert_int_equal(weir_notify_write_mail(&e, &mail, "host1", &out), 0);
	assert_null(strstr(written(&out), "\nBcc"));
	assert_non_null(strstr(written(&out), "Subject: [weir] critical: x  Bcc: <all@example.com>    hello\r\n"));
	weir_buffer_reset(&out);
	e.value = (struct weir_text)TEXT("Z\xc3\xbcrich");
	assert_int_equal(weir_notify_write_mail(&e, &mail, "host1", &out), 0);
	assert_non_null(strstr(written(&out), "Subject: =?UTF-8?B?W3dlaXJdIGNyaXRpY2FsOiBaw7xyaWNo?=\r\n"));
	weir_buffer_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_syslog),		cmocka_unit_test(test_syslog_of_hostile_values),
		cmocka_unit_test(test_forms_are_whole), cmocka_unit_test(test_templates),
		cmocka_unit_test(test_mail),		cmocka_unit_test(test_no_markup_comes_from_an_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
