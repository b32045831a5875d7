#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/vocabulary.h"

static uint32_t add(struct weir_vocabulary *v, const char *text)
{
	uint32_t id = UINT32_MAX;

	assert_int_equal(weir_vocabulary_add(v, text, strlen(text), &id), 0);
	return id;
}

static void test_a_name_has_one_number(void **state)
{
	struct weir_vocabulary *v;
	char text[16];

	(void)state;
	assert_int_equal(weir_vocabulary_new(&weir_vocabulary_limits_default, 1, &v), 0);
	assert_int_equal(add(v, ""), 0);
	for (unsigned i = 0; i < 5000; i++) {
		(void)snprintf(text, sizeof(text), "zone%u", i);
		assert_int_equal(add(v, text), i + 1);
	}
	for (unsigned i = 0; i < 5000; i++) {
		(void)snprintf(text, sizeof(text), "zone%u", i);
		assert_int_equal(add(v, text), i + 1);
		assert_string_equal(weir_vocabulary_word(v, i + 1).text, text);
		assert_int_equal(weir_vocabulary_word(v, i + 1).len, strlen(text));
	}
	assert_int_equal(weir_vocabulary_stats(v).names, 5000);
	assert_string_equal(weir_vocabulary_word(v, 0).text, "");
	assert_string_equal(weir_vocabulary_word(v, 5001).text, "");
	assert_string_equal(weir_vocabulary_word(NULL, 1).text, "");
	weir_vocabulary_free(v);
	weir_vocabulary_free(NULL);
}

static void test_words_of_a_name(void **state)
{
	struct weir_vocabulary *v;
	uint32_t roles;

	(void)state;
	assert_int_equal(weir_vocabulary_new(&weir_vocabulary_limits_default, 1, &v), 0);
	roles = add(v, "web  Dns ntp");
	assert_true(weir_vocabulary_has_word(v, roles, "web"));
	assert_true(weir_vocabulary_has_word(v, roles, "dns"));
	assert_true(weir_vocabulary_has_word(v, roles, "NTP"));
	assert_false(weir_vocabulary_has_word(v, roles, "dn"));
	assert_false(weir_vocabulary_has_word(v, roles, "dnsx"));
	assert_false(weir_vocabulary_has_word(v, roles, ""));
	assert_false(weir_vocabulary_has_word(v, 0, "web"));
	weir_vocabulary_free(v);
}

static void test_it_is_bounded(void **state)
{
	static const struct weir_vocabulary_limits limits = {.names_max = 3, .bytes_max = 9};
	struct weir_vocabulary *v;
	uint32_t id = 77;

	(void)state;
	assert_int_equal(weir_vocabulary_new(&limits, 1, &v), 0);
	assert_int_equal(add(v, "one"), 1);
	assert_int_equal(weir_vocabulary_add(v, "longer", 6, &id), -ENOSPC);
	assert_int_equal(add(v, "a"), 2);
	assert_int_equal(add(v, "b"), 3);
	assert_int_equal(weir_vocabulary_add(v, "", 0, &id), 0);
	id = 77;
	assert_int_equal(weir_vocabulary_add(v, "c", 1, &id), -ENOSPC);
	assert_int_equal(id, 77);
	assert_int_equal(add(v, "one"), 1); /* what is there is still found */
	assert_int_equal(weir_vocabulary_stats(v).refused, 2);
	weir_vocabulary_free(v);
}

static void test_long_names_end_at_a_character(void **state)
{
	struct weir_vocabulary *v;
	char text[300];
	struct weir_word name;

	(void)state;
	assert_int_equal(weir_vocabulary_new(&weir_vocabulary_limits_default, 1, &v), 0);
	memset(text, 'n', sizeof(text));
	memcpy(text + 253, "\xe2\x82\xac", 3); /* its third byte would be the 256th */
	text[299] = '\0';
	name = weir_vocabulary_word(v, add(v, text));
	assert_int_equal(name.len, 253);
	assert_int_equal(name.text[253], '\0');
	weir_vocabulary_free(v);
}

struct shared {
	struct weir_vocabulary *v;
	uint32_t id[1000];
};

static void *add_all(void *arg)
{
	struct shared *s = arg;

	for (unsigned i = 0; i < 1000; i++) {
		char text[16];
		uint32_t id;

		(void)snprintf(text, sizeof(text), "n%u", i);
		if (weir_vocabulary_add(s->v, text, strlen(text), &id) == 0)
			__atomic_store_n(&s->id[i], id, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* What one thread adds another reads without a lock. */
static void test_readers_need_no_lock(void **state)
{
	static struct shared s;
	pthread_t thread[2];

	(void)state;
	assert_int_equal(weir_vocabulary_new(&weir_vocabulary_limits_default, 1, &s.v), 0);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, add_all, &s), 0);
	for (unsigned i = 0; i < 1000; i++) {
		uint32_t id = __atomic_load_n(&s.id[i], __ATOMIC_ACQUIRE);
		char text[16];

		(void)snprintf(text, sizeof(text), "n%u", i);
		if (id)
			assert_string_equal(weir_vocabulary_word(s.v, id).text, text);
	}
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	assert_int_equal(weir_vocabulary_stats(s.v).names, 1000);
	weir_vocabulary_free(s.v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_name_has_one_number),
		cmocka_unit_test(test_words_of_a_name),
		cmocka_unit_test(test_it_is_bounded),
		cmocka_unit_test(test_long_names_end_at_a_character),
		cmocka_unit_test(test_readers_need_no_lock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
