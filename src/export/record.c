#include "export/message.h"

#define AS_TRANS 23456 /* RFC 6793 §9 */

enum { PROTO_ICMP = 1 };

static uint64_t icmp_port(const struct weir_block *block, uint32_t row)
{
	uint16_t port = weir_block_u16(block, WEIR_COL_DST_PORT)[row];

	if (port || weir_block_u8(block, WEIR_COL_PROTO)[row] != PROTO_ICMP)
		return port;
	return (uint64_t)weir_block_u8(block, WEIR_COL_ICMP_TYPE)[row] << 8 |
	       weir_block_u8(block, WEIR_COL_ICMP_CODE)[row];
}

static unsigned write_uint(struct weir_writer *w, uint64_t value, unsigned length)
{
	uint64_t largest = weir_field_largest(length);
	bool clamp = value > largest;

	weir_writer_uint(w, clamp ? largest : value, length);
	return clamp;
}

static unsigned write_as16(struct weir_writer *w, uint64_t as, unsigned length)
{
	weir_writer_uint(w, as > UINT16_MAX ? AS_TRANS : as, length);
	return as > UINT16_MAX;
}

/* An IPv6 address where the field is for IPv4, as a next hop may be (RFC 8950), is sent as 0.0.0.0. */
static unsigned write_addr4(struct weir_writer *w, const struct weir_addr *addr)
{
	bool fits = weir_addr_is_v4(addr) || weir_addr_is_zero(addr);

	if (fits)
		weir_writer_bytes(w, &addr->byte[12], 4);
	else
		weir_writer_zero(w, 4);
	return !fits;
}

unsigned weir_record_write(struct weir_writer *w, const struct weir_field *field, unsigned fields,
			   const struct weir_block *block, uint32_t row, int64_t boot_ms)
{
	unsigned clamped = 0;

	for (const struct weir_field *f = field; f < field + fields; f++) {
		switch ((enum weir_field_op)f->op) {
		case WEIR_FIELD_ZERO:
			weir_writer_zero(w, f->length);
			break;
		case WEIR_FIELD_UINT:
			clamped += write_uint(w, weir_block_number(block, f->column, row), f->length);
			break;
		case WEIR_FIELD_BITS:
			weir_writer_uint(w, weir_block_number(block, f->column, row), f->length);
			break;
		case WEIR_FIELD_ADDR4:
			clamped += write_addr4(w, &weir_block_addr(block, f->column)[row]);
			break;
		case WEIR_FIELD_ADDR6:
			weir_writer_bytes(w, weir_block_addr(block, f->column)[row].byte, 16);
			break;
		case WEIR_FIELD_TIME:
			weir_writer_uint(w, (uint64_t)weir_block_time(block, f->column)[row], f->length);
			break;
		case WEIR_FIELD_UPTIME:
			weir_writer_u32(w, (uint32_t)(weir_block_time(block, f->column)[row] - boot_ms));
			break;
		case WEIR_FIELD_LABEL:
			clamped += write_uint(w, weir_block_number(block, f->column, row) << 4, f->length);
			break;
		case WEIR_FIELD_AS16:
			clamped += write_as16(w, weir_block_number(block, f->column, row), f->length);
			break;
		case WEIR_FIELD_ICMP_PORT:
			weir_writer_uint(w, icmp_port(block, row), f->length);
			break;
		}
	}
	return clamped;
}
