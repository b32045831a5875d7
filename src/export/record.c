#include <string.h>

#include "export/message.h"

#define AS_TRANS 23456 /* RFC 6793 §9 */

enum { PROTO_ICMP = 1 };

static inline void store(uint8_t *p, uint64_t value, unsigned length)
{
	switch (length) {
	case 1:
		*p = (uint8_t)value;
		break;
	case 2:
		weir_put_be16(p, (uint16_t)value);
		break;
	case 4:
		weir_put_be32(p, (uint32_t)value);
		break;
	case 8:
		weir_put_be32(p, (uint32_t)(value >> 32));
		weir_put_be32(p + 4, (uint32_t)value);
		break;
	default:
		for (unsigned i = length; i-- > 0; value >>= 8)
			p[i] = (uint8_t)value;
	}
}

static inline uint64_t load(const struct weir_block *block, enum weir_column_id id, uint32_t row)
{
	switch (weir_types[weir_columns[id].type].width) {
	case 1:
		return weir_block_u8(block, id)[row];
	case 2:
		return weir_block_u16(block, id)[row];
	case 4:
		return weir_block_u32(block, id)[row];
	default:
		return weir_block_u64(block, id)[row];
	}
}

static uint64_t icmp_port(const struct weir_block *block, uint32_t row)
{
	uint16_t port = weir_block_u16(block, WEIR_COL_DST_PORT)[row];

	if (port || weir_block_u8(block, WEIR_COL_PROTO)[row] != PROTO_ICMP)
		return port;
	return (uint64_t)weir_block_u8(block, WEIR_COL_ICMP_TYPE)[row] << 8 |
	       weir_block_u8(block, WEIR_COL_ICMP_CODE)[row];
}

static inline unsigned store_clamped(uint8_t *p, uint64_t value, unsigned length)
{
	uint64_t largest = weir_field_largest(length);
	bool clamp = value > largest;

	store(p, clamp ? largest : value, length);
	return clamp;
}

static unsigned store_as16(uint8_t *p, uint64_t as, unsigned length)
{
	store(p, as > UINT16_MAX ? AS_TRANS : as, length);
	return as > UINT16_MAX;
}

/* An IPv6 address where the field is for IPv4, as a next hop may be (RFC 8950), is sent as 0.0.0.0. */
static unsigned store_addr4(uint8_t *p, const struct weir_addr *addr)
{
	bool fits = weir_addr_is_v4(addr) || weir_addr_is_zero(addr);

	if (fits)
		memcpy(p, &addr->byte[12], 4);
	else
		memset(p, 0, 4);
	return !fits;
}

/* Room is taken once for the record, not for each field. */
unsigned weir_record_write(struct weir_writer *w, const struct weir_field *field, unsigned fields,
			   const struct weir_block *block, uint32_t row, int64_t boot_ms)
{
	unsigned clamped = 0;
	size_t bytes = 0;
	uint8_t *p;

	for (unsigned i = 0; i < fields; i++)
		bytes += field[i].length;
	p = weir_writer_take(w, bytes);
	for (const struct weir_field *f = field; p && f < field + fields; p += f->length, f++) {
		switch ((enum weir_field_op)f->op) {
		case WEIR_FIELD_ZERO:
			memset(p, 0, f->length);
			break;
		case WEIR_FIELD_UINT:
			clamped += store_clamped(p, load(block, f->column, row), f->length);
			break;
		case WEIR_FIELD_BITS:
			store(p, load(block, f->column, row), f->length);
			break;
		case WEIR_FIELD_ADDR4:
			clamped += store_addr4(p, &weir_block_addr(block, f->column)[row]);
			break;
		case WEIR_FIELD_ADDR6:
			memcpy(p, weir_block_addr(block, f->column)[row].byte, 16);
			break;
		case WEIR_FIELD_TIME:
			store(p, (uint64_t)weir_block_time(block, f->column)[row], f->length);
			break;
		case WEIR_FIELD_UPTIME:
			store(p, (uint32_t)(weir_block_time(block, f->column)[row] - boot_ms), f->length);
			break;
		case WEIR_FIELD_HALF_MS:
			clamped += store_clamped(p, (load(block, f->column, row) + 1000) / 2000, f->length);
			break;
		case WEIR_FIELD_LABEL:
			clamped += store_clamped(p, load(block, f->column, row) << 4, f->length);
			break;
		case WEIR_FIELD_AS16:
			clamped += store_as16(p, load(block, f->column, row), f->length);
			break;
		case WEIR_FIELD_ICMP_PORT:
			store(p, icmp_port(block, row), f->length);
			break;
		}
	}
	return clamped;
}
