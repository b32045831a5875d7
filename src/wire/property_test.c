/* Random templates from the table of elements, random records, and what must come out of them by a second, slower
 * reading that knows nothing of plans. The seed is fixed; a failure names the element. */
#include <inttypes.h>

#include "wire/element.h"
#include "wire/testing.h"

enum { TEMPLATES = 400, FIELDS_MAX = 24, RECORDS = 5, VALUE_MAX = 24 };

/* Those whose meaning hangs on other fields or on the message, or that are not what their type says; they have tests of
 * their own. */
static const uint16_t SPECIAL[] = {21, 22, 23, 24, 32, 34, 48, 50, 60, 95, 139, 158, 159, 160, 161, 162, 210, 302, 305, 306, 351, 313, 315};

struct value {
	uint8_t data[VALUE_MAX];
	size_t len;
};

struct drawn {
	const struct weir_element *element;
	uint16_t length; /* or VAR */
	struct value value[RECORDS];
};

static uint64_t seed;

static uint32_t draw(uint32_t below)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(seed >> 33) % below;
}

static bool is_wanted(const struct weir_element *e, const bool *taken)
{
	for (size_t i = 0; i < sizeof(SPECIAL) / sizeof(SPECIAL[0]); i++) {
		if (!e->pen && e->id == SPECIAL[i])
			return false;
	}
	if (e->id > 0x7fff || e->type >= WEIR_ELEMENT_BASIC_LIST)
		return false;
	/* Records of both directions become two rows: biflow_test.c. */
	if (e->column == WEIR_COL_REVERSE_BYTES || e->column == WEIR_COL_REVERSE_PACKETS)
		return false;
	/* In another unit than the element: copy_test.c. */
	if (e->column == WEIR_COL_SERVER_RTT || e->column == WEIR_COL_CLIENT_RTT)
		return false;
	/* MPLS labels; times are looked at without columns here. */
	if (e->column != WEIR_COLUMN_NONE && (e->type == WEIR_ELEMENT_OCTETS || weir_columns[e->column].type == WEIR_TYPE_TIME))
		return false;
	return e->column == WEIR_COLUMN_NONE || !taken[e->column];
}

static uint16_t draw_length(const struct weir_element *e)
{
	switch (e->type) {
	case WEIR_ELEMENT_U8:
	case WEIR_ELEMENT_BOOLEAN:
		return 1;
	case WEIR_ELEMENT_U16:
	case WEIR_ELEMENT_U32:
	case WEIR_ELEMENT_U64:
	case WEIR_ELEMENT_S8:
	case WEIR_ELEMENT_S16:
	case WEIR_ELEMENT_S32:
	case WEIR_ELEMENT_S64:
		return (uint16_t)(1 + draw(8));
	case WEIR_ELEMENT_MAC:
		return 6;
	case WEIR_ELEMENT_F32:
	case WEIR_ELEMENT_SECONDS:
	case WEIR_ELEMENT_IPV4:
		return 4;
	case WEIR_ELEMENT_IPV6:
		return 16;
	case WEIR_ELEMENT_OCTETS:
	case WEIR_ELEMENT_STRING:
		return draw(2) ? VAR : (uint16_t)(1 + draw(VALUE_MAX));
	default:
		return 8;
	}
}

static void draw_value(struct drawn *d, unsigned record)
{
	struct value *v = &d->value[record];

	v->len = d->length == VAR ? 1 + draw(VALUE_MAX) : d->length;
	for (size_t i = 0; i < v->len; i++)
		v->data[i] = (uint8_t)(d->element->type == WEIR_ELEMENT_STRING ? 'a' + draw(26) : 1 + draw(255));
}

static unsigned draw_template(struct drawn *d)
{
	bool taken[WEIR_COLUMNS] = {false};
	unsigned fields = 0;
	unsigned wanted = 1 + draw(FIELDS_MAX);

	while (fields < wanted) {
		const struct weir_element *e = &weir_elements[draw(weir_elements_count)];
		bool again = false;

		for (unsigned i = 0; i < fields; i++)
			again = again || d[i].element == e;
		if (again || !is_wanted(e, taken))
			continue;
		if (e->column != WEIR_COLUMN_NONE)
			taken[e->column] = true;
		d[fields] = (struct drawn){.element = e, .length = draw_length(e)};
		for (unsigned r = 0; r < RECORDS; r++)
			draw_value(&d[fields], r);
		fields++;
	}
	return fields;
}

static void put_message(struct fixture *f, const struct drawn *d, unsigned fields, uint16_t id)
{
	struct weir_writer *w = &f->m.w;

	ipfix_begin(&f->m, id * RECORDS);
	set_begin(&f->m, 2);
	PUT(&f->m, U16(id), U16(fields));
	for (unsigned i = 0; i < fields; i++) {
		uint32_t pen = d[i].element->pen;

		PUT(&f->m, U16(d[i].element->id | (pen ? 0x8000 : 0)), U16(d[i].length));
		if (pen)
			PUT(&f->m, U32(pen));
	}
	set_end(&f->m);
	set_begin(&f->m, id);
	for (unsigned r = 0; r < RECORDS; r++) {
		for (unsigned i = 0; i < fields; i++) {
			const struct value *v = &d[i].value[r];

			/* Both ways to tell a length, RFC 7011 §7. */
			if (d[i].length == VAR && draw(2))
				PUT(&f->m, 255, U16(v->len));
			else if (d[i].length == VAR)
				weir_writer_u8(w, (uint8_t)v->len);
			weir_writer_bytes(w, v->data, v->len);
		}
	}
	set_end(&f->m);
}

static uint64_t number_of(const struct value *v)
{
	uint64_t n = 0;

	for (size_t i = 0; i < v->len; i++)
		n = n * 256 + v->data[i];
	return n;
}

static void expect_hex(const struct value *v, char *text)
{
	for (size_t i = 0; i < v->len; i++)
		(void)sprintf(text + 2 * i, "%02x", v->data[i]);
}

static void expect_signed(const struct value *v, char *text)
{
	/* Up to the top and back down fills the upper bits with the sign. */
	unsigned shift = (unsigned)(64 - 8 * v->len);

	(void)sprintf(text, "%" PRId64, (int64_t)(number_of(v) << shift) >> shift);
}

static void expect_unsigned(const struct weir_element *e, const struct value *v, char *text)
{
	static const uint64_t MAX[] = {[1] = UINT8_MAX, [2] = UINT16_MAX, [4] = UINT32_MAX, [8] = UINT64_MAX};
	uint64_t n = number_of(v);

	if (e->column != WEIR_COLUMN_NONE && n > MAX[weir_types[weir_columns[e->column].type].width])
		n = MAX[weir_types[weir_columns[e->column].type].width];
	(void)sprintf(text, "%" PRIu64, n);
}

/* What the value must read as; false for types whose text is value_test.c's matter. */
static bool expect(const struct weir_element *e, const struct value *v, char *text)
{
	const uint8_t *p = v->data;
	struct weir_addr a;

	switch (e->type) {
	case WEIR_ELEMENT_U8:
	case WEIR_ELEMENT_U16:
	case WEIR_ELEMENT_U32:
	case WEIR_ELEMENT_U64:
		expect_unsigned(e, v, text);
		return true;
	case WEIR_ELEMENT_S8:
	case WEIR_ELEMENT_S16:
	case WEIR_ELEMENT_S32:
	case WEIR_ELEMENT_S64:
		expect_signed(v, text);
		return true;
	case WEIR_ELEMENT_OCTETS:
		expect_hex(v, text);
		return true;
	case WEIR_ELEMENT_STRING:
		(void)sprintf(text, "%.*s", (int)v->len, (const char *)p);
		return true;
	case WEIR_ELEMENT_IPV4:
		(void)sprintf(text, "%u.%u.%u.%u", p[0], p[1], p[2], p[3]);
		return true;
	case WEIR_ELEMENT_IPV6:
		memcpy(&a, p, sizeof(a));
		weir_addr_text(&a, text);
		return true;
	case WEIR_ELEMENT_MAC:
		(void)sprintf(text, "%02x:%02x:%02x:%02x:%02x:%02x", p[0], p[1], p[2], p[3], p[4], p[5]);
		return true;
	default:
		return false;
	}
}

static void check_field(const struct fixture *f, const struct drawn *d, uint32_t row)
{
	const struct weir_element *e = d->element;
	const char *got = e->column == WEIR_COLUMN_NONE ? extra(f, row, e->name)
							: cell(f, row, (enum weir_column_id)e->column);
	char text[256];

	if (expect(e, &d->value[row], text) ? strcmp(got, text) != 0 : strcmp(got, "-") == 0)
		fail_msg("%s in %u bytes, record %u: \"%s\", expected \"%s\"", e->name, d->length, row, got, text);
}

static void test_random_templates(void **state)
{
	static struct drawn drawn[FIELDS_MAX];
	struct fixture *f = *state;

	seed = 20240229;
	for (uint16_t n = 0; n < TEMPLATES; n++) {
		unsigned fields = draw_template(drawn);

		put_message(f, drawn, fields, (uint16_t)(256 + n));
		decode(f);
		assert_faults(f, "");
		assert_int_equal(f->block->rows, RECORDS);
		for (uint32_t row = 0; row < RECORDS; row++) {
			for (unsigned i = 0; i < fields; i++)
				check_field(f, &drawn[i], row);
		}
		weir_block_reset(f->block);
	}
	assert_int_equal(stats(f)->lost_messages, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(test_random_templates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
