/* Two passes over a block: all cells are written one after the other to a scratch buffer, and their lengths kept;
 * then, when the widths are known, the lines are put together. */
#include "cli/flow_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/decimal.h"
#include "base/human.h"
#include "flow/protocol.h"

#define PROTO_TCP    6
#define PROTO_UDP    17
#define PROTO_SCTP   132
#define PROTO_ICMP   1
#define PROTO_ICMPV6 58
#define TEXT_MAX     64 /* of one cell: "[", an IPv6 address, "]:", a port and more */
#define BOLD	     "\x1b[1m"
#define PLAIN	     "\x1b[0m"

/* A row, as the cells see it. */
struct row {
	const struct weir_block *block;
	const struct weir_column_set *present;
	struct weir_timestamp *times;
	uint32_t at;
};

static bool has(const struct row *r, enum weir_column_id id)
{
	return weir_column_set_has(r->present, id);
}

static uint64_t number(const struct row *r, enum weir_column_id id)
{
	return weir_block_number(r->block, id, r->at);
}

/* --- cells: each writes up to TEXT_MAX bytes and returns their end; none written: a dash ------------------------ */

static char *put_time(const struct row *r, char *at)
{
	enum weir_column_id id = has(r, WEIR_COL_TIME_START) ? WEIR_COL_TIME_START : WEIR_COL_TIME_RECEIVED;
	char *start = at;

	if (!has(r, id))
		return at;
	at = weir_timestamp_put(r->times, weir_block_time(r->block, id)[r->at], at);
	start[10] = ' ';
	return at - 1; /* all times are UTC: without the Z */
}

static char *put_duration(const struct row *r, char *at)
{
	int64_t ms;

	if (!has(r, WEIR_COL_TIME_START) || !has(r, WEIR_COL_TIME_END))
		return at;
	if (__builtin_sub_overflow(weir_block_time(r->block, WEIR_COL_TIME_END)[r->at],
				   weir_block_time(r->block, WEIR_COL_TIME_START)[r->at], &ms) ||
	    ms < 0)
		return at;
	at = weir_decimal_put(at, (uint64_t)ms / 1000);
	*at++ = '.';
	return weir_decimal_put_fixed(at, (uint64_t)ms % 1000, 3);
}

static char *put_proto(const struct row *r, char *at)
{
	const char *name;

	if (!has(r, WEIR_COL_PROTO))
		return at;
	name = weir_protocol_name((unsigned)number(r, WEIR_COL_PROTO));
	return name ? stpcpy(at, name) : weir_decimal_put(at, number(r, WEIR_COL_PROTO));
}

static bool with_ports(const struct row *r)
{
	uint64_t proto = has(r, WEIR_COL_PROTO) ? number(r, WEIR_COL_PROTO) : PROTO_TCP;

	return proto == PROTO_TCP || proto == PROTO_UDP || proto == PROTO_SCTP;
}

/* "10.1.2.3:443", "[2001:db8::1]:443", or the MAC address where there is no other. */
static char *put_end(const struct row *r, enum weir_column_id addr, enum weir_column_id port, enum weir_column_id mac,
		     char *at)
{
	const struct weir_addr *a = &weir_block_addr(r->block, addr)[r->at];
	bool ports = has(r, port) && with_ports(r);
	bool brackets;

	if (!has(r, addr) || weir_addr_is_zero(a))
		return has(r, mac) ? at + weir_mac_text(number(r, mac), at) : at;
	brackets = ports && !weir_addr_is_v4(a);
	if (brackets)
		*at++ = '[';
	at += weir_addr_text(a, at);
	if (brackets)
		*at++ = ']';
	if (ports) {
		*at++ = ':';
		at = weir_decimal_put(at, number(r, port));
	}
	return at;
}

static char *put_source(const struct row *r, char *at)
{
	return put_end(r, WEIR_COL_SRC_ADDR, WEIR_COL_SRC_PORT, WEIR_COL_SRC_MAC, at);
}

static char *put_arrow(const struct row *r, char *at)
{
	(void)r;
	return stpcpy(at, "->");
}

static char *put_destination(const struct row *r, char *at)
{
	uint64_t proto = has(r, WEIR_COL_PROTO) ? number(r, WEIR_COL_PROTO) : 0;

	at = put_end(r, WEIR_COL_DST_ADDR, WEIR_COL_DST_PORT, WEIR_COL_DST_MAC, at);
	if ((proto == PROTO_ICMP || proto == PROTO_ICMPV6) && has(r, WEIR_COL_ICMP_TYPE)) {
		at = stpcpy(at, " type ");
		at = weir_decimal_put(at, number(r, WEIR_COL_ICMP_TYPE));
		*at++ = '.';
		at = weir_decimal_put(at, number(r, WEIR_COL_ICMP_CODE));
	}
	return at;
}

static char *put_flags(const struct row *r, char *at)
{
	if (!has(r, WEIR_COL_TCP_FLAGS) || (has(r, WEIR_COL_PROTO) && number(r, WEIR_COL_PROTO) != PROTO_TCP))
		return at;
	weir_flags_text((unsigned)number(r, WEIR_COL_TCP_FLAGS), at);
	return at + strlen(at);
}

static char *put_human(const struct row *r, enum weir_column_id id, char *at)
{
	return has(r, id) ? at + weir_human_text(number(r, id), at) : at;
}

static char *put_packets(const struct row *r, char *at)
{
	return put_human(r, WEIR_COL_PACKETS, at);
}

static char *put_bytes(const struct row *r, char *at)
{
	return put_human(r, WEIR_COL_BYTES, at);
}

static char *put_in_if(const struct row *r, char *at)
{
	return has(r, WEIR_COL_IN_IF) ? weir_decimal_put(at, number(r, WEIR_COL_IN_IF)) : at;
}

static char *put_out_if(const struct row *r, char *at)
{
	return has(r, WEIR_COL_OUT_IF) ? weir_decimal_put(at, number(r, WEIR_COL_OUT_IF)) : at;
}

static const struct {
	const char *title;
	unsigned width; /* at least */
	bool right;
	char *(*put)(const struct row *r, char *at);
} CELLS[WEIR_FLOW_TABLE_CELLS] = {
	{"START (UTC)", 23, false, put_time},
	{"SECONDS",     8,  true,  put_duration},
	{"PROTO",       5,  false, put_proto},
	{"SOURCE",      21, true,  put_source},
	{"",            2,  false, put_arrow},
	{"DESTINATION", 21, false, put_destination},
	{"FLAGS",       8,  false, put_flags},
	{"PACKETS",     7,  true,  put_packets},
	{"BYTES",       6,  true,  put_bytes},
	{"IN",          3,  true,  put_in_if},
	{"OUT",         3,  true,  put_out_if},
};

/* --- lines ------------------------------------------------------------------------------------------------ */

static int pad(struct weir_buffer *out, unsigned width)
{
	static const char blanks[] = "                                                                ";

	return weir_buffer_append(out, blanks, width < sizeof(blanks) - 1 ? width : sizeof(blanks) - 1);
}

static int put_cell(const struct weir_flow_table *t, unsigned i, const char *text, unsigned len, struct weir_buffer *out)
{
	unsigned blanks = t->width[i] - len;
	bool last = i == WEIR_FLOW_TABLE_CELLS - 1;
	int rc = i ? pad(out, 1) : 0;

	if (!rc && CELLS[i].right)
		rc = pad(out, blanks);
	if (!rc)
		rc = weir_buffer_append(out, text, len);
	if (!rc && !CELLS[i].right && !last)
		rc = pad(out, blanks);
	return rc;
}

static int put_header(const struct weir_flow_table *t, struct weir_buffer *out)
{
	int rc = t->colour ? weir_buffer_text(out, BOLD) : 0;

	for (unsigned i = 0; i < WEIR_FLOW_TABLE_CELLS && !rc; i++)
		rc = put_cell(t, i, CELLS[i].title, (unsigned)strlen(CELLS[i].title), out);
	if (!rc && t->colour)
		rc = weir_buffer_text(out, PLAIN);
	return rc ? rc : weir_buffer_text(out, "\n");
}

static int write_cells(struct weir_flow_table *t, struct row *row, struct weir_buffer *cells, uint8_t *len)
{
	for (unsigned i = 0; i < WEIR_FLOW_TABLE_CELLS; i++) {
		int rc = weir_buffer_reserve(cells, TEXT_MAX);
		char *start, *end;

		if (rc)
			return rc;
		start = (char *)cells->data + cells->len;
		end = CELLS[i].put(row, start);
		if (end == start)
			*end++ = '-';
		len[i] = (uint8_t)(end - start);
		if (len[i] > t->width[i])
			t->width[i] = len[i];
		cells->len += len[i];
	}
	return 0;
}

static int write_lines(const struct weir_flow_table *t, uint32_t rows, const char *text, const uint8_t *len,
		       struct weir_buffer *out)
{
	int rc = 0;

	for (uint32_t row = 0; row < rows && !rc; row++) {
		for (unsigned i = 0; i < WEIR_FLOW_TABLE_CELLS && !rc; i++) {
			rc = put_cell(t, i, text, *len, out);
			text += *len++;
		}
		if (!rc)
			rc = weir_buffer_text(out, "\n");
	}
	return rc;
}

int weir_flow_table_rows(struct weir_flow_table *table, const struct weir_block *block, struct weir_buffer *out)
{
	struct row row = {.block = block, .times = &table->times};
	struct weir_buffer cells;
	uint8_t *len;
	int rc = 0;

	if (!block->rows)
		return 0;
	len = malloc((size_t)block->rows * WEIR_FLOW_TABLE_CELLS);
	if (!len)
		return -ENOMEM;
	weir_buffer_init(&cells);
	for (uint32_t run = 0; run < block->runs; run++) {
		row.present = &block->run[run].present;
		for (uint32_t left = block->run[run].rows; left && !rc; left--, row.at++)
			rc = write_cells(table, &row, &cells, len + (size_t)row.at * WEIR_FLOW_TABLE_CELLS);
	}
	if (!rc && !table->begun)
		rc = put_header(table, out);
	table->begun = true;
	if (!rc)
		rc = write_lines(table, block->rows, (const char *)cells.data, len, out);
	weir_buffer_done(&cells);
	free(len);
	return rc;
}

void weir_flow_table_init(struct weir_flow_table *table, bool colour)
{
	*table = (struct weir_flow_table){.colour = colour};
	for (unsigned i = 0; i < WEIR_FLOW_TABLE_CELLS; i++)
		table->width[i] = CELLS[i].width;
}

bool weir_flow_table_colour(FILE *stream)
{
	const char *no = getenv("NO_COLOR");

	return isatty(fileno(stream)) && !(no && *no);
}
