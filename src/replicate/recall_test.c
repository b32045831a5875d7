#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cursor.h"
#include "base/writer.h"
#include "replicate/recall.h"

#define TOLD_MAX 64

struct message {
	uint8_t data[2048];
	struct weir_writer w;
	bool ipfix;
};

static void begin(struct message *m, bool ipfix, uint32_t sequence, uint32_t domain)
{
	m->ipfix = ipfix;
	m->w = weir_writer(m->data, sizeof(m->data));
	weir_writer_u16(&m->w, ipfix ? 10 : 9);
	weir_writer_u16(&m->w, 1);
	if (!ipfix)
		weir_writer_u32(&m->w, 5000);
	weir_writer_u32(&m->w, 1700000000);
	weir_writer_u32(&m->w, sequence);
	weir_writer_u32(&m->w, domain);
}

/* A set of 16-bit words. */
static void set(struct message *m, uint16_t id, const uint16_t *word, unsigned words)
{
	weir_writer_u16(&m->w, id);
	weir_writer_u16(&m->w, (uint16_t)(4 + words * 2));
	for (unsigned i = 0; i < words; i++)
		weir_writer_u16(&m->w, word[i]);
}

#define SET(m, id, ...)                                                                                              \
	set(m, id, (const uint16_t[]){__VA_ARGS__}, sizeof((const uint16_t[]){__VA_ARGS__}) / sizeof(uint16_t))

static struct weir_replicate_message end(struct message *m)
{
	if (m->ipfix)
		weir_writer_patch16(&m->w, 2, weir_writer_len(&m->w));
	assert_false(m->w.fault);
	return weir_replicate_peek(m->data, weir_writer_len(&m->w));
}

struct fixture {
	struct weir_recall recall;
	struct weir_recall_store store;
	unsigned told;
	uint8_t data[TOLD_MAX][1600];
	size_t len[TOLD_MAX];
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->store = (struct weir_recall_store){.limits = weir_recall_limits_default, .seed = 42};
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	weir_recall_done(&f->recall, &f->store);
	assert_true(f->store.bytes == 0);
	assert_true(f->store.items == 0);
	free(f);
	return 0;
}

static void learn(struct fixture *f, struct message *m)
{
	struct weir_replicate_message peeked = end(m);
	struct weir_recall_domain *d = weir_recall_domain(&f->recall, &f->store, peeked.domain);

	assert_non_null(d);
	weir_recall_learn(d, &f->store, &peeked);
}

static void keep(void *ctx, const uint8_t *data, size_t len)
{
	struct fixture *f = ctx;

	assert_true(f->told < TOLD_MAX);
	assert_true(len <= sizeof(f->data[0]));
	memcpy(f->data[f->told], data, len);
	f->len[f->told++] = len;
}

static void tell(struct fixture *f, bool ipfix, uint32_t sequence, uint32_t domain)
{
	struct message next;
	struct weir_replicate_message peeked;

	begin(&next, ipfix, sequence, domain);
	peeked = end(&next);
	f->told = 0;
	assert_int_equal(weir_recall_tell(weir_recall_domain(&f->recall, &f->store, domain), &peeked, keep, f), 0);
}

static void test_netflow9_templates_are_told(void **state)
{
	struct fixture *f = *state;
	struct message m;

	begin(&m, false, 100, 7);
	SET(&m, 0, 256, 2, 8, 4, 12, 4, 257, 1, 1, 4);
	SET(&m, 256, 1, 2, 3, 4);
	learn(f, &m);
	begin(&m, false, 101, 7);
	SET(&m, 1, 300, 4, 8, 1, 4, 34, 4, 35, 1, 0); /* scope system; a padded set */
	learn(f, &m);
	assert_int_equal(f->store.items, 3);
	tell(f, false, 500, 7);
	assert_int_equal(f->told, 1);
	/* The header is the next datagram's, with three records and the number before its. */
	assert_int_equal(weir_be16(f->data[0]), 9);
	assert_int_equal(weir_be16(f->data[0] + 2), 3);
	assert_int_equal(weir_be32(f->data[0] + 4), 5000);
	assert_int_equal(weir_be32(f->data[0] + 12), 499);
	assert_int_equal(weir_be32(f->data[0] + 16), 7);
	/* Both templates in one set, then the options template, padded. */
	assert_int_equal(weir_be16(f->data[0] + 20), 0);
	assert_int_equal(weir_be16(f->data[0] + 22), 4 + 12 + 8);
	assert_int_equal(weir_be16(f->data[0] + 24), 256);
	assert_int_equal(weir_be16(f->data[0] + 36), 257);
	assert_int_equal(weir_be16(f->data[0] + 44), 1);
	assert_int_equal(weir_be16(f->data[0] + 46), 24);
	assert_int_equal(weir_be16(f->data[0] + 48), 300);
	assert_int_equal(f->len[0], 68);
}

/* Options records advance the sequence number of IPFIX, templates do not. */
static void test_ipfix_sequence_counts_records(void **state)
{
	struct fixture *f = *state;
	struct message m;

	begin(&m, true, 100, 7);
	SET(&m, 2, 256, 1, 8, 4);
	SET(&m, 3, 300, 2, 1, 149, 4, 34, 4); /* scope: domain; sampling interval */
	SET(&m, 300, 0, 7, 0, 1000, 0, 8, 0, 2000);
	learn(f, &m);
	assert_int_equal(f->store.items, 4);
	tell(f, true, 500, 7);
	assert_int_equal(f->told, 1);
	assert_int_equal(weir_be16(f->data[0] + 2), f->len[0]);
	assert_int_equal(weir_be32(f->data[0] + 8), 498);
	assert_int_equal(weir_be32(f->data[0] + 12), 7);
	assert_int_equal(f->len[0], 16 + 12 + 20 + 20);
}

static void test_a_newer_value_replaces_the_older(void **state)
{
	struct fixture *f = *state;
	struct message m;

	begin(&m, false, 1, 7);
	SET(&m, 1, 300, 4, 8, 1, 4, 10, 2, 34, 2); /* scope system, then the interface (10) and a value */
	SET(&m, 300, 0, 1, 5, 1000, 0, 1, 6, 1000);
	learn(f, &m);
	begin(&m, false, 2, 7);
	SET(&m, 300, 0, 1, 5, 2000);
	learn(f, &m);
	assert_int_equal(f->store.items, 3);
	tell(f, false, 9, 7);
	/* Interface 6 was confirmed first, so it comes first. */
	assert_int_equal(weir_be16(f->data[0] + 20 + 24 + 4 + 4), 6);
	assert_int_equal(weir_be16(f->data[0] + 20 + 24 + 4 + 8 + 4), 5);
	assert_int_equal(weir_be16(f->data[0] + 20 + 24 + 4 + 8 + 6), 2000);
}

static void test_a_changed_template_takes_its_records_along(void **state)
{
	struct fixture *f = *state;
	struct message m;

	begin(&m, true, 1, 7);
	SET(&m, 3, 300, 2, 1, 149, 4, 34, 4);
	SET(&m, 300, 0, 7, 0, 1000);
	learn(f, &m);
	assert_int_equal(f->store.items, 2);
	begin(&m, true, 2, 7);
	SET(&m, 3, 300, 2, 1, 149, 4, 34, 4);
	learn(f, &m);
	assert_int_equal(f->store.items, 2);
	begin(&m, true, 2, 7);
	SET(&m, 3, 300, 2, 1, 149, 4, 34, 2);
	learn(f, &m);
	assert_int_equal(f->store.items, 1);
	begin(&m, true, 2, 7);
	SET(&m, 2, 300, 1, 8, 4);
	learn(f, &m);
	assert_int_equal(f->store.items, 1);
}

static void test_ipfix_withdrawals(void **state)
{
	struct fixture *f = *state;
	struct message m;

	begin(&m, true, 1, 7);
	SET(&m, 2, 256, 1, 8, 4, 257, 1, 8, 4);
	SET(&m, 3, 300, 2, 1, 149, 4, 34, 4);
	SET(&m, 300, 0, 7, 0, 1000);
	learn(f, &m);
	assert_int_equal(f->store.items, 4);
	begin(&m, true, 1, 7);
	SET(&m, 2, 256, 0);
	learn(f, &m);
	assert_int_equal(f->store.items, 3);
	begin(&m, true, 1, 7);
	SET(&m, 2, 2, 0);
	SET(&m, 3, 3, 0);
	learn(f, &m);
	assert_int_equal(f->store.items, 0);
}

static void test_variable_lengths_and_enterprise_fields(void **state)
{
	struct fixture *f = *state;
	struct message m;

	begin(&m, true, 1, 7);
	/* scope: ingressInterface; interfaceName (82), variable; a vendor's field of 2 bytes */
	SET(&m, 3, 300, 3, 1, 10, 4, 82, 65535, 0x8001, 2, 0, 9);
	SET(&m, 300, 0, 1, 0x0565 /* five bytes: "e…" */, 0x7468, 0x3031, 1, /**/ 0, 2, 0x0365, 0x7468, 2);
	learn(f, &m);
	assert_int_equal(f->store.items, 3);
}

/* Domains of one exporter do not mix. */
static void test_domains(void **state)
{
	struct fixture *f = *state;
	struct message m;

	f->store.limits.domains_max = 2;
	for (uint32_t domain = 1; domain <= 2; domain++) {
		begin(&m, false, 1, domain);
		SET(&m, 0, (uint16_t)(256 + domain), 1, 8, 4);
		learn(f, &m);
	}
	assert_null(weir_recall_domain(&f->recall, &f->store, 3));
	tell(f, false, 50, 2);
	assert_int_equal(f->told, 1);
	assert_int_equal(weir_be16(f->data[0] + 2), 1);
	assert_int_equal(weir_be16(f->data[0] + 24), 258);
}

static void test_bounds(void **state)
{
	struct fixture *f = *state;
	struct message m;

	f->store.limits.items_max = 4;
	begin(&m, false, 1, 7);
	SET(&m, 1, 300, 4, 4, 1, 4, 34, 4);
	for (uint16_t i = 0; i < 10; i++)
		SET(&m, 300, 0, i, 0, 1000);
	learn(f, &m);
	/* The template and the three records that came last. */
	assert_int_equal(f->store.items, 4);
	tell(f, false, 9, 7);
	assert_int_equal(weir_be16(f->data[0] + 20 + 20 + 4 + 2), 7);
	assert_int_equal(f->store.refused, 0);
	/* Templates take the records' place, and are not given up themselves. */
	begin(&m, false, 2, 7);
	for (uint16_t i = 0; i < 6; i++)
		SET(&m, 0, (uint16_t)(400 + i), 1, 8, 4);
	learn(f, &m);
	assert_int_equal(f->store.items, 4);
	assert_int_equal(f->store.refused, 3);
}

static void test_memory_has_a_ceiling(void **state)
{
	struct fixture *f = *state;
	struct message m;

	f->store.limits.bytes_max = 1000;
	for (uint16_t i = 0; i < 100; i++) {
		begin(&m, false, 1, 7);
		SET(&m, 0, (uint16_t)(256 + i), 2, 8, 4, 12, 4);
		learn(f, &m);
	}
	assert_true(f->store.bytes <= 1000);
	assert_true(f->store.items > 5);
	assert_true(f->store.items + f->store.refused == 100);
}

/* Many templates become several messages, none longer than any path takes, with numbers that lead to the next. */
static void test_many_templates(void **state)
{
	struct fixture *f = *state;
	struct message m;
	unsigned records = 0;

	for (uint16_t i = 0; i < 300; i++) {
		begin(&m, false, i, 7);
		SET(&m, 0, (uint16_t)(256 + i), 3, 8, 4, 12, 4, i, 1);
		learn(f, &m);
	}
	tell(f, false, 3, 7);
	assert_true(f->told > 1);
	for (unsigned i = 0; i < f->told; i++) {
		assert_true(f->len[i] <= 1400);
		assert_true(weir_be32(f->data[i] + 12) == 3 - f->told + i);
		records += weir_be16(f->data[i] + 2);
	}
	assert_int_equal(records, 300);
}

/* Cut anywhere, nothing is read that is not there (the sanitizers see to it), and what is kept can be told. */
static void test_cut_messages(void **state)
{
	struct fixture *f = *state;
	struct message m;

	begin(&m, true, 1, 7);
	SET(&m, 2, 256, 2, 0x8008, 4, 0, 9, 12, 4);
	SET(&m, 3, 300, 2, 1, 149, 4, 82, 65535);
	SET(&m, 300, 0, 7, 0x0361, 0x6263);
	(void)end(&m);
	for (size_t len = 0; len < weir_writer_len(&m.w); len++) {
		uint8_t *exact = malloc(len ? len : 1);
		struct weir_replicate_message peeked;

		memcpy(exact, m.data, len);
		peeked = weir_replicate_peek(exact, len);
		if (peeked.protocol == WEIR_REPLICATE_IPFIX) {
			weir_recall_learn(weir_recall_domain(&f->recall, &f->store, 7), &f->store, &peeked);
			tell(f, true, 9, 7);
		}
		free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(test_netflow9_templates_are_told),
		TEST(test_ipfix_sequence_counts_records),
		TEST(test_a_newer_value_replaces_the_older),
		TEST(test_a_changed_template_takes_its_records_along),
		TEST(test_ipfix_withdrawals),
		TEST(test_variable_lengths_and_enterprise_fields),
		TEST(test_domains),
		TEST(test_bounds),
		TEST(test_memory_has_a_ceiling),
		TEST(test_many_templates),
		TEST(test_cut_messages),
#undef TEST
	};

	return cmocka_run_group_tests_name("replicate recall", tests, NULL, NULL);
}
