/* An sFlow sample while it is read: the block's row that it is written to, and how. Private to wire's sflow*.c. */
#ifndef WEIR_WIRE_SFLOW_SAMPLE_H
#define WEIR_WIRE_SFLOW_SAMPLE_H

#include "base/cursor.h"
#include "wire/message.h"

/* How well a record knows the length of the frame: a better one wins, whatever the order. */
enum weir_bytes_rank { WEIR_BYTES_UNKNOWN, WEIR_BYTES_IP, WEIR_BYTES_ETHERNET, WEIR_BYTES_FRAME };

struct weir_sample {
	struct weir_message *m;
	struct weir_block *block;
	uint32_t row;
	struct weir_column_set present;
	enum weir_bytes_rank rank;
	uint32_t src_vlan; /* of the switch, which knows better than the frame; 0: not told */
};

static inline void weir_sample_put_u8(struct weir_sample *s, enum weir_column_id id, uint32_t v)
{
	weir_block_u8(s->block, id)[s->row] = v > UINT8_MAX ? UINT8_MAX : (uint8_t)v;
	weir_column_set_add(&s->present, id);
}

static inline void weir_sample_put_u16(struct weir_sample *s, enum weir_column_id id, uint32_t v)
{
	weir_block_u16(s->block, id)[s->row] = v > UINT16_MAX ? UINT16_MAX : (uint16_t)v;
	weir_column_set_add(&s->present, id);
}

static inline void weir_sample_put_u32(struct weir_sample *s, enum weir_column_id id, uint32_t v)
{
	weir_block_u32(s->block, id)[s->row] = v;
	weir_column_set_add(&s->present, id);
}

static inline void weir_sample_put_u64(struct weir_sample *s, enum weir_column_id id, uint64_t v)
{
	weir_block_u64(s->block, id)[s->row] = v;
	weir_column_set_add(&s->present, id);
}

static inline void weir_sample_put_addr(struct weir_sample *s, enum weir_column_id id, const struct weir_addr *addr)
{
	weir_block_addr(s->block, id)[s->row] = *addr;
	weir_column_set_add(&s->present, id);
}

static inline void weir_sample_put_bytes(struct weir_sample *s, uint32_t bytes, enum weir_bytes_rank rank)
{
	if (rank <= s->rank)
		return;
	s->rank = rank;
	weir_block_u64(s->block, WEIR_COL_BYTES)[s->row] = bytes;
	weir_column_set_add(&s->present, WEIR_COL_BYTES);
}

static inline void weir_sample_put_extra(struct weir_sample *s, const char *name, const char *text, size_t len, bool number)
{
	if (!weir_block_put_extra(s->block, s->row, name, text, len, number))
		weir_message_fault(s->m, WEIR_FAULT_EXTRA_DROPPED);
}

#define WEIR_DECIMAL_MAX 10

/* A number in decimal digits, without a NUL; returns how many. A router's samples have ten of them: with snprintf those took
 * half of the decoder's time. */
static inline size_t weir_sample_decimal(uint32_t v, char ret_text[WEIR_DECIMAL_MAX])
{
	char digit[WEIR_DECIMAL_MAX];
	size_t len = 0;

	do {
		digit[len++] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	for (size_t i = 0; i < len; i++)
		ret_text[i] = digit[len - 1 - i];
	return len;
}

static inline void weir_sample_put_extra_number(struct weir_sample *s, const char *name, uint32_t v)
{
	char text[WEIR_DECIMAL_MAX];

	weir_sample_put_extra(s, name, text, weir_sample_decimal(v, text), true);
}

/* Heap that a sample can need for extra values, for each of its bytes, the names included; and extra values: one
 * for four bytes. */
#define WEIR_SAMPLE_HEAP 11

/* An address by its type; an unknown one, and 0.0.0.0, is all zeros. Another type is a fault of the cursor. */
struct weir_addr weir_sflow_address(struct weir_cursor *c);

/* Read the records of a counter sample; false when it ends inside one. */
bool weir_sflow_counters(const struct weir_message *m, struct weir_cursor *c, bool expanded);

/* Read one record of a format into the sample. What is wrong with it is counted. */
void weir_sflow_record(struct weir_sample *s, uint32_t format, struct weir_cursor *c);

#endif
