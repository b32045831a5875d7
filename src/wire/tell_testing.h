/* For tests of what is told to the tables beside flows: a sink that keeps it as lines of text. */
#ifndef WEIR_WIRE_TELL_TESTING_H
#define WEIR_WIRE_TELL_TESTING_H

#include "wire/testing.h"

struct told {
	char text[65536];
	size_t len;
	bool refuse;
	struct weir_record_sink sink;
};

static inline bool told_put(void *ctx, enum weir_table table, const struct weir_record *r)
{
	struct told *t = ctx;
	size_t room = sizeof(t->text) - t->len;

	if (t->refuse)
		return false;
	if (table == WEIR_TABLE_OPTIONS)
		t->len += (size_t)snprintf(t->text + t->len, room, "%.*s %.*s %.*s=%.*s\n", (int)r->kind.len, r->kind.data,
					   (int)r->id.len, r->id.data, (int)r->name.len, r->name.data, (int)r->value.len,
					   r->value.data);
	else
		t->len += (size_t)snprintf(t->text + t->len, room, "%.*s %u %.*s=%llu\n", (int)r->kind.len, r->kind.data,
					   r->source, (int)r->name.len, r->name.data, (unsigned long long)r->number);
	assert_true(t->len < sizeof(t->text));
	return true;
}

static inline void told_begin(struct told *t, struct fixture *f)
{
	*t = (struct told){.sink = {.put = told_put, .ctx = t}};
	assert_int_equal(weir_decoder_records(f->decoder, &t->sink), 0);
}

/* What was told since the last call. */
#define assert_told(t, expected)                           \
	do {                                               \
		assert_string_equal((t)->text, expected); \
		(t)->len = 0;                              \
		(t)->text[0] = '\0';                       \
	} while (0)

#endif
