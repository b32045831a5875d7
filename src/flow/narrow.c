/* The loops are plain, and the compiler turns them into vector code (-O3, CMakeLists.txt). Numbers are little-endian, so a shorter number is the first bytes of the longer
 * one. IPv4 is a number to ClickHouse, so its bytes are turned around. */
#include "flow/narrow.h"

#include <assert.h>
#include <string.h>

static_assert(sizeof(struct weir_addr) == 16, "what the loops step by");

#define V4_WORD 0xffff0000U /* the third word of ::ffff:a.b.c.d, in little-endian order */

static bool is_number(enum weir_type type)
{
	return type == WEIR_TYPE_U16 || type == WEIR_TYPE_U32 || type == WEIR_TYPE_U64 || type == WEIR_TYPE_MAC;
}

#define BITS_OF(type)                                                           \
	static uint64_t bits_of_##type(const type *value, uint32_t rows)        \
	{                                                                       \
		type bits = 0;                                                  \
                                                                                \
		for (uint32_t i = 0; i < rows; i++)                             \
			bits |= value[i];                                       \
		return bits;                                                    \
	}
BITS_OF(uint16_t)
BITS_OF(uint32_t)
BITS_OF(uint64_t)

static unsigned number_width(const void *column, unsigned width, uint32_t rows)
{
	uint64_t bits = width == 2 ? bits_of_uint16_t(column, rows)
		      : width == 4 ? bits_of_uint32_t(column, rows)
				   : bits_of_uint64_t(column, rows);

	return bits <= UINT8_MAX ? 1 : bits <= UINT16_MAX ? 2 : bits <= UINT32_MAX ? 4 : 8;
}

/* "::", where there is no address, is not IPv4. */
static bool all_v4(const void *column, uint32_t rows)
{
	const uint32_t *word = column;
	uint32_t other = 0;

	for (uint32_t i = 0; i < rows; i++)
		other |= word[4 * i] | word[4 * i + 1] | (word[4 * i + 2] ^ V4_WORD);
	return !other;
}

unsigned weir_narrow_width(const struct weir_block *block, enum weir_column_id id, uint32_t rows)
{
	enum weir_type type = weir_columns[id].type;
	unsigned width = (unsigned)weir_types[type].width;

	if (type == WEIR_TYPE_ADDR)
		return all_v4(block->column[id], rows) ? 4 : width;
	return is_number(type) ? number_width(block->column[id], width, rows) : width;
}

const char *weir_narrow_sql(enum weir_column_id id, unsigned width)
{
	static const char *const numbers[] = {[1] = "UInt8", [2] = "UInt16", [4] = "UInt32", [8] = "UInt64"};
	enum weir_type type = weir_columns[id].type;

	if (type == WEIR_TYPE_ADDR && width == 4)
		return "IPv4";
	return is_number(type) ? numbers[width] : weir_types[type].sql;
}

/* What is written to may stand anywhere. */
typedef uint8_t out8;
typedef uint16_t out16 __attribute__((aligned(1)));
typedef uint32_t out32 __attribute__((aligned(1)));

/* Each copies and tells whether all values fit. */
#define SHORTEN(from, to)                                                      \
	static bool shorten_##from##_##to(const void *column, uint32_t rows, void *dst) \
	{                                                                      \
		const uint##from##_t *restrict value = column;                 \
		out##to *restrict out = dst;                                   \
		uint##from##_t bits = 0;                                       \
                                                                               \
		for (uint32_t i = 0; i < rows; i++) {                          \
			bits |= value[i];                                      \
			out[i] = (uint##to##_t)value[i];                       \
		}                                                              \
		return bits >> to == 0;                                        \
	}
SHORTEN(16, 8)
SHORTEN(32, 8)
SHORTEN(32, 16)
SHORTEN(64, 8)
SHORTEN(64, 16)
SHORTEN(64, 32)

static bool shorten_addr(const void *column, uint32_t rows, void *dst)
{
	const uint32_t *restrict word = column;
	out32 *restrict out = dst;
	uint32_t other = 0;

	for (uint32_t i = 0; i < rows; i++) {
		other |= word[4 * i] | word[4 * i + 1] | (word[4 * i + 2] ^ V4_WORD);
		out[i] = __builtin_bswap32(word[4 * i + 3]);
	}
	return !other;
}

/* By the bytes of a value as it is and as it becomes. */
static bool (*const SHORTEN[17][9])(const void *column, uint32_t rows, void *dst) = {
	[2]  = {[1] = shorten_16_8},
	[4]  = {[1] = shorten_32_8, [2] = shorten_32_16},
	[8]  = {[1] = shorten_64_8, [2] = shorten_64_16, [4] = shorten_64_32},
	[16] = {[4] = shorten_addr},
};

bool weir_narrow_copy(const struct weir_block *block, enum weir_column_id id, unsigned width, uint8_t *dst)
{
	size_t from = weir_types[weir_columns[id].type].width;

	if (width != from)
		return SHORTEN[from][width](block->column[id], block->rows, dst);
	memcpy(dst, block->column[id], block->rows * from);
	return true;
}
