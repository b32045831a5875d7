/* Records that tell both directions of a conversation (RFC 5103; the responder's counters of firewalls): a row for each.
 *
 *   first row    as the record has it: source, destination, what the source sent; reverse_bytes, reverse_packets
 *   second row   the ends changed over, the reverse counters as bytes and packets; only where one of them is not 0
 *
 * So the sum of bytes over rows has each byte once, and who sent it is always the source. biflow_direction names the rows:
 * 1 where the source is the initiator, 2 where the destination is, so the row of the answer. flow_id, where it was sent, is the
 * same in both. Each row has the other's counters as reverse_bytes and reverse_packets.
 *
 * What the second row has. Pairs of columns are exchanged; what the connection has (protocol, application, user, event,
 * translation) is the same; what was said of packets of the first direction only (TCP flags, TOS, TTL, next hop, labels …)
 * is left out, unless an element of the reverse direction tells it. Interfaces are exchanged also where only one is
 * known; VLANs and VRFs only where both are, for a probe tells the one that all its packets have. Extra values stay with the
 * first row, those of the reverse direction among them. Times are those of the record, unless the reverse has its own.
 *
 * nfdump (1.7.1) keeps one record with bytes and, beside them, "out bytes"; its sums of bytes are those of the first rows. */
#include <string.h>

#include "wire/plan_parts.h"
#include "wire/times.h"

static const struct pair {
	uint8_t a, b;
	bool both; /* exchanged only where both are known */
} PAIRS[] = {
	{WEIR_COL_SRC_ADDR, WEIR_COL_DST_ADDR, false},
	{WEIR_COL_SRC_PORT, WEIR_COL_DST_PORT, false},
	{WEIR_COL_BYTES, WEIR_COL_REVERSE_BYTES, false},
	{WEIR_COL_PACKETS, WEIR_COL_REVERSE_PACKETS, false},
	{WEIR_COL_RETRANSMITTED_PACKETS, WEIR_COL_REVERSE_RETRANSMITTED_PACKETS, false},
	{WEIR_COL_OUT_OF_ORDER_PACKETS, WEIR_COL_REVERSE_OUT_OF_ORDER_PACKETS, false},
	{WEIR_COL_SRC_AS, WEIR_COL_DST_AS, false},
	{WEIR_COL_SRC_MASK, WEIR_COL_DST_MASK, false},
	{WEIR_COL_SRC_MAC, WEIR_COL_DST_MAC, false},
	{WEIR_COL_POST_NAT_SRC_ADDR, WEIR_COL_POST_NAT_DST_ADDR, false},
	{WEIR_COL_POST_NAT_SRC_PORT, WEIR_COL_POST_NAT_DST_PORT, false},
	{WEIR_COL_IN_IF, WEIR_COL_OUT_IF, false},
	{WEIR_COL_IN_VRF, WEIR_COL_OUT_VRF, true},
	{WEIR_COL_IN_IF_NAME, WEIR_COL_OUT_IF_NAME, false},
	{WEIR_COL_IN_VRF_NAME, WEIR_COL_OUT_VRF_NAME, true},
	{WEIR_COL_SRC_VLAN, WEIR_COL_DST_VLAN, true},
};

static const uint8_t ONE_WAY[] = {
	WEIR_COL_TCP_FLAGS,	  WEIR_COL_IP_TOS,	    WEIR_COL_DST_TOS,	   WEIR_COL_IP_TTL,
	WEIR_COL_IP_FLAGS,	  WEIR_COL_FRAGMENT_ID,	    WEIR_COL_FRAGMENT_OFFSET, WEIR_COL_IPV6_FLOW_LABEL,
	WEIR_COL_ICMP_TYPE,	  WEIR_COL_ICMP_CODE,	    WEIR_COL_DIRECTION,	   WEIR_COL_FORWARDING_STATUS,
	WEIR_COL_NEXT_HOP,	  WEIR_COL_BGP_NEXT_HOP,    WEIR_COL_NEXT_HOP_AS,  WEIR_COL_MPLS_LABEL_1,
	WEIR_COL_MPLS_LABEL_2,	  WEIR_COL_MPLS_LABEL_3,
};

/* From which column to which. */
struct moves {
	uint32_t count;
	uint8_t from[WEIR_COLUMNS];
	uint8_t to[WEIR_COLUMNS];
	struct weir_column_set present; /* in the second rows */
};

static uint8_t mirror(uint8_t column, const struct weir_column_set *present)
{
	for (size_t i = 0; i < sizeof(PAIRS) / sizeof(PAIRS[0]); i++) {
		uint8_t other = PAIRS[i].a == column ? PAIRS[i].b : PAIRS[i].a;

		if (PAIRS[i].a != column && PAIRS[i].b != column)
			continue;
		return PAIRS[i].both && !weir_column_set_has(present, (enum weir_column_id)other) ? column : other;
	}
	return column;
}

static void find_moves(const struct weir_column_set *present, struct moves *ret_moves)
{
	struct weir_column_set left = *present;

	for (size_t i = 0; i < sizeof(ONE_WAY); i++)
		weir_column_set_remove(&left, (enum weir_column_id)ONE_WAY[i]);
	*ret_moves = (struct moves){0};
	for (uint8_t from = 0; from < WEIR_COLUMNS; from++) {
		uint8_t to = mirror(from, present);

		if (!weir_column_set_has(&left, (enum weir_column_id)from))
			continue;
		ret_moves->from[ret_moves->count] = from;
		ret_moves->to[ret_moves->count++] = to;
		weir_column_set_add(&ret_moves->present, (enum weir_column_id)to);
	}
}

static void move_row(const struct weir_block *b, const struct moves *moves, uint32_t from, uint32_t to)
{
	uint8_t *direction = &weir_block_u8(b, WEIR_COL_BIFLOW_DIRECTION)[to];

	for (uint32_t i = 0; i < moves->count; i++) {
		size_t width = weir_types[weir_columns[moves->from[i]].type].width;

		memcpy((uint8_t *)b->column[moves->to[i]] + to * width,
		       (const uint8_t *)b->column[moves->from[i]] + from * width, width);
	}
	if (*direction == WEIR_BIFLOW_INITIATOR)
		*direction = WEIR_BIFLOW_REVERSE_INITIATOR;
	else if (*direction == WEIR_BIFLOW_REVERSE_INITIATOR)
		*direction = WEIR_BIFLOW_INITIATOR;
}

static struct weir_value field_value(const struct run *run, uint16_t field, uint32_t offset, uint32_t len, uint32_t i)
{
	if (run->value)
		return run->value[field];
	return (struct weir_value){.data = run->at + i * run->stride + offset, .len = len};
}

/* What elements of the reverse direction tell, record i into row `row`. False where the record's length is none that it
 * can have: then the column has nothing. */
static bool put_step(const struct column_step *s, const struct weir_message *m, const struct run *run, uint32_t i,
		     uint32_t row)
{
	const struct weir_block *b = *m->out->block;
	struct weir_value v = field_value(run, s->field, s->offset, s->len, i);
	weir_copy_fn copy = s->copy ? s->copy : weir_copy_find((enum weir_op)s->op, v.len, s->width);
	struct weir_copy c = {
		.dst = (uint8_t *)b->column[s->column] + (size_t)row * s->width,
		.src = v.data,
		.len = (uint32_t)v.len,
		.rows = 1,
		.times = &m->times,
	};

	if (!copy)
		return false;
	if (s->aux_field != WEIR_PLAN_NO_FIELD) {
		c.aux = field_value(run, s->aux_field, s->aux_offset, s->aux_len, i).data;
		c.aux_len = s->aux_len;
	}
	copy(&c);
	return true;
}

/* The reverse begins so many milliseconds after the first packet, and in time. */
static void settle_times(const struct weir_plan *p, const struct weir_block *b, const struct run *run, uint32_t i,
			 uint32_t row)
{
	int64_t *start = &weir_block_time(b, WEIR_COL_TIME_START)[row];
	int64_t end = weir_block_time(b, WEIR_COL_TIME_END)[row];
	uint16_t field = p->biflow.delta_field;

	if (field != WEIR_PLAN_NO_FIELD) {
		struct weir_value v = field_value(run, field, p->biflow.delta_offset, p->field[field].length, i);

		*start = weir_time_clamp((uint64_t)*start + weir_load_uint(v.data, v.len));
	}
	if (*start > end)
		*start = end;
}

void weir_biflow_put(const struct weir_plan *p, const struct weir_message *m, const struct run *run, uint32_t first)
{
	struct weir_block *b = *m->out->block;
	const uint64_t *bytes = weir_block_u64(b, WEIR_COL_REVERSE_BYTES) + first;
	const uint64_t *packets = weir_block_u64(b, WEIR_COL_REVERSE_PACKETS) + first;
	struct moves moves;
	uint32_t rows = 0;

	find_moves(&run->present, &moves);
	for (uint32_t i = 0; i < p->biflow.steps; i++) {
		const struct column_step *s = &p->biflow.step[i];

		/* A record of variable length is alone in its run. */
		if (!run->value || weir_copy_find((enum weir_op)s->op, run->value[s->field].len, s->width))
			weir_column_set_add(&moves.present, (enum weir_column_id)s->column);
	}
	for (uint32_t i = 0; i < run->rows; i++) {
		uint32_t row = b->rows + rows;

		if (!bytes[i] && !packets[i])
			continue;
		if (row == b->capacity) { /* of a block of one row */
			weir_message_fault(m, WEIR_FAULT_BLOCK_REFUSED);
			break;
		}
		move_row(b, &moves, first + i, row);
		for (uint32_t s = 0; s < p->biflow.steps; s++)
			(void)put_step(&p->biflow.step[s], m, run, i, row);
		if (weir_column_set_has(&moves.present, WEIR_COL_TIME_START) &&
		    weir_column_set_has(&moves.present, WEIR_COL_TIME_END))
			settle_times(p, b, run, i, row);
		rows++;
	}
	for (unsigned i = 0; p->biflow.steps && i < 2; i++) {
		static const enum weir_column_id TIMES[] = {WEIR_COL_TIME_START, WEIR_COL_TIME_END};

		if (weir_column_set_has(&moves.present, TIMES[i]))
			weir_times_check(m, TIMES[i], rows);
	}
	weir_output_commit(m->out, rows, &moves.present);
}
