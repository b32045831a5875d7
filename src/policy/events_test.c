#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "policy/events.h"

#define HOUR_MS	 INT64_C(3600000)
#define START_MS (INT64_C(495000) * HOUR_MS)

struct told {
	unsigned rows;
	uint64_t flows;
	uint64_t bytes;
	uint64_t id; /* of the last */
	char subject[128];
	char message[768];
	char filter[256];
	char level[16];
	bool full;
};

struct bench {
	struct weir_vocabulary *vocabulary;
	struct weir_policy *policy;
	struct weir_events *events;
	struct weir_block *block;
	struct told told;
};

static const char RULES[] = "rules:\n"
			    "  - {name: a, action: alert, level: error, message: '{client} of {client_zone} asks {server} for {service}'}\n"
			    "  - {name: b, action: deny, subject: server}\n"
			    "  - {name: c, action: deny, subject: both}\n"
			    "  - {name: 'it is \"d\" \\ e', action: deny}\n";

static void copy(struct weir_text text, char *ret_text, size_t size)
{
	(void)snprintf(ret_text, size, "%.*s", (int)text.len, text.data);
}

static bool put(void *ctx, enum weir_table table, const struct weir_record *record)
{
	struct told *t = ctx;

	assert_int_equal(table, WEIR_TABLE_EVENTS);
	if (t->full)
		return false;
	t->rows++;
	t->flows += record->flows;
	t->bytes += record->bytes;
	t->id = record->number;
	copy(record->subject, t->subject, sizeof(t->subject));
	copy(record->value, t->message, sizeof(t->message));
	copy(record->filter, t->filter, sizeof(t->filter));
	copy(record->level, t->level, sizeof(t->level));
	return true;
}

static void open_bench(struct bench *b, uint32_t storm)
{
	struct weir_events_options options = weir_events_defaults;
	struct weir_column_set none = {0};
	struct weir_rule_file *file = NULL;
	struct weir_error err = {0};

	memset(b, 0, sizeof(*b));
	options.storm_per_minute = storm;
	assert_int_equal(weir_rule_file_read("r", RULES, strlen(RULES), &file, &err), 0);
	assert_int_equal(weir_vocabulary_new(&weir_vocabulary_limits_default, 1, &b->vocabulary), 0);
	assert_int_equal(weir_policy_new(&file, 1, NULL, b->vocabulary, &b->policy, &err), 0);
	assert_int_equal(weir_events_new(b->policy, &options, &b->events), 0);
	assert_int_equal(weir_block_new(&weir_block_limits_default, &b->block), 0);
	b->block->vocabulary = b->vocabulary;
	weir_block_u64(b->block, WEIR_COL_BYTES)[0] = 100;
	weir_block_u32(b->block, WEIR_COL_SAMPLING_RATE)[0] = 10;
	weir_block_u8(b->block, WEIR_COL_PROTO)[0] = 6;
	weir_block_u16(b->block, WEIR_COL_DST_PORT)[0] = 8443;
	weir_block_commit(b->block, 1, &none);
}

static void close_bench(struct bench *b)
{
	weir_events_free(b->events);
	weir_policy_free(b->policy);
	weir_block_free(b->block);
	weir_vocabulary_free(b->vocabulary);
}

static void hit(struct bench *b, uint32_t rule, const char *client, const char *server, int64_t at_ms)
{
	struct weir_addr c;
	struct weir_addr s;

	assert_int_equal(weir_addr_parse(client, &c), 0);
	assert_int_equal(weir_addr_parse(server, &s), 0);
	weir_events_hit(b->events, &(struct weir_policy_hit){rule, b->block, 0, false, &c, &s}, at_ms);
}

static void tell(struct bench *b, int64_t at_ms, bool all)
{
	struct weir_record_sink sink = {put, &b->told};

	b->told.rows = 0;
	weir_events_tell(b->events, at_ms, all, &sink);
}

static void test_an_event_is_told_at_once_and_then_what_came_since(void **state)
{
	struct bench b;
	uint64_t id;

	(void)state;
	open_bench(&b, 60);
	hit(&b, 0, "10.0.0.1", "192.0.2.1", START_MS);
	tell(&b, START_MS + 1, false);
	assert_int_equal(b.told.rows, 1);
	assert_int_equal(b.told.bytes, 1000);
	assert_string_equal(b.told.subject, "10.0.0.1");
	assert_string_equal(b.told.message, "10.0.0.1 of outside asks 192.0.2.1 for tcp/8443");
	assert_string_equal(b.told.filter, "rule = \"a\" and ip 10.0.0.1");
	assert_string_equal(b.told.level, "error");
	id = b.told.id;
	hit(&b, 0, "10.0.0.1", "192.0.2.2", START_MS + 2000);
	hit(&b, 0, "10.0.0.1", "192.0.2.1", START_MS + 3000);
	tell(&b, START_MS + 4000, false);
	assert_int_equal(b.told.rows, 0);
	tell(&b, START_MS + 11000, false);
	assert_int_equal(b.told.rows, 1);
	assert_int_equal(b.told.flows, 3);
	assert_true(b.told.id == id);
	tell(&b, START_MS + 30000, false); /* nothing new */
	assert_int_equal(b.told.rows, 0);
	hit(&b, 0, "10.0.0.1", "192.0.2.1", START_MS + HOUR_MS); /* another hour, another event */
	tell(&b, START_MS + HOUR_MS, false);
	assert_true(b.told.id != id);
	assert_int_equal(weir_events_stats(b.events).begun, 2);
	close_bench(&b);
}

static void test_the_rule_says_whom_it_is_about(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b, 60);
	hit(&b, 1, "10.0.0.1", "192.0.2.1", START_MS);
	hit(&b, 1, "10.0.0.2", "192.0.2.1", START_MS);
	tell(&b, START_MS, true);
	assert_int_equal(b.told.rows, 1);
	assert_string_equal(b.told.subject, "192.0.2.1");
	hit(&b, 2, "10.0.0.1", "192.0.2.1", START_MS);
	hit(&b, 2, "10.0.0.1", "192.0.2.2", START_MS);
	tell(&b, START_MS, true);
	assert_int_equal(b.told.rows, 2);
	assert_string_equal(b.told.subject, "10.0.0.1 to 192.0.2.2");
	assert_string_equal(b.told.filter, "rule = \"c\" and ip 10.0.0.1 and ip 192.0.2.2");
	close_bench(&b);
}

static void test_a_rules_name_is_a_text_of_the_filter(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b, 60);
	hit(&b, 3, "10.0.0.1", "192.0.2.1", START_MS);
	tell(&b, START_MS, true);
	assert_string_equal(b.told.filter, "rule = \"it is \\\"d\\\" \\\\ e\" and ip 10.0.0.1");
	close_bench(&b);
}

static void test_a_storm_is_one_event(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b, 10);
	for (int i = 0; i < 1000; i++) {
		char client[32];

		(void)snprintf(client, sizeof(client), "10.0.%d.%d", i / 250, i % 250 + 1);
		hit(&b, 0, client, "192.0.2.1", START_MS + i);
	}
	tell(&b, START_MS + 2000, true);
	assert_int_equal(b.told.rows, 11);
	assert_int_equal(b.told.flows, 1000);
	assert_string_equal(b.told.subject, "");
	assert_int_equal(weir_events_stats(b.events).stormed, 990);
	hit(&b, 0, "10.9.0.1", "192.0.2.1", START_MS + 60000); /* the next minute */
	tell(&b, START_MS + 60000, true);
	assert_string_equal(b.told.subject, "10.9.0.1");
	close_bench(&b);
}

/* More events than are kept: each gives way in turn, and nothing of it is lost. */
static void test_nothing_is_lost_when_events_give_way(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b, 1000000);
	for (int i = 0; i < 6000; i++) {
		char client[32];

		(void)snprintf(client, sizeof(client), "10.%d.%d.1", i / 250, i % 250);
		hit(&b, 0, client, "192.0.2.1", START_MS + i);
		if (i % 500 == 0)
			tell(&b, START_MS + i, false);
	}
	tell(&b, START_MS + 7000, true);
	assert_int_equal(b.told.flows, 6000);
	assert_int_equal(weir_events_stats(b.events).lost, 0);
	close_bench(&b);
}

static void test_what_nobody_takes_is_told_later(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b, 60);
	hit(&b, 0, "10.0.0.1", "192.0.2.1", START_MS);
	b.told.full = true;
	tell(&b, START_MS, false);
	assert_int_equal(weir_events_stats(b.events).lost, 1);
	b.told.full = false;
	tell(&b, START_MS + 100, false);
	assert_int_equal(b.told.flows, 1);
	close_bench(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_event_is_told_at_once_and_then_what_came_since),
		cmocka_unit_test(test_the_rule_says_whom_it_is_about),
		cmocka_unit_test(test_a_rules_name_is_a_text_of_the_filter),
		cmocka_unit_test(test_a_storm_is_one_event),
		cmocka_unit_test(test_nothing_is_lost_when_events_give_way),
		cmocka_unit_test(test_what_nobody_takes_is_told_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
