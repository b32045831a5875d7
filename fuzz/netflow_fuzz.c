/* Datagrams of NetFlow v1, v5, v7, v9 and IPFIX, one after the other, so that templates and data meet: a byte that
 * picks the ceilings, then for each datagram its exporter and how long after the last it comes (1 byte), its length
 * (2 bytes) and its bytes. After each, the block must be what flow/block.h promises: nothing is written that is not
 * named, nothing named that is not there. */
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "wire/account.h"
#include "wire/decoder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct weir_decoder_limits SMALL = {
	.exporters_max = 2, .templates_max = 3, .fields_max = 8, .template_bytes_max = 4096, .waiting_bytes_max = 1024};
static const struct weir_decoder_limits LARGE = {
	.exporters_max = 64, .templates_max = 64, .fields_max = 256, .waiting_bytes_max = 65536, .waiting_ms = 1000};
static const struct weir_block_limits SMALL_BLOCK = {.rows_max = 8, .heap_max = 256, .extras_max = 6};
static const struct weir_block_limits LARGE_BLOCK = {.rows_max = 48, .heap_max = 8192, .extras_max = 128};

static const struct weir_vocabulary_limits WORDS = {.names_max = 8, .bytes_max = 256};

static uint64_t taken;

static void require(bool condition)
{
	if (!condition)
		abort();
}

static bool is_zero(const uint8_t *cell, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (cell[i])
			return false;
	}
	return true;
}

/* A column that a row does not have is zero there, and so are all rows that are not committed. */
static void check_column(const struct weir_block *b, unsigned column)
{
	size_t width = weir_types[weir_columns[column].type].width;
	const uint8_t *cells = b->column[column];
	uint32_t row = 0;

	for (uint32_t i = 0; i < b->runs; i++) {
		if (!weir_column_set_has(&b->run[i].present, (enum weir_column_id)column))
			require(is_zero(cells + row * width, b->run[i].rows * width));
		else
			require(weir_column_set_has(&b->used, (enum weir_column_id)column));
		row += b->run[i].rows;
	}
	require(row == b->rows);
	require(is_zero(cells + row * width, (b->capacity - row) * width));
}

static void check_str(const struct weir_block *b, struct weir_str s)
{
	require(s.len <= b->heap_len && s.offset <= b->heap_len - s.len);
}

static void check_block(const struct weir_block *b)
{
	for (unsigned column = 0; column < WEIR_COLUMNS; column++) {
		check_column(b, column);
		for (uint32_t row = 0; weir_columns[column].type == WEIR_TYPE_STRING && row < b->rows; row++)
			check_str(b, weir_block_str(b, (enum weir_column_id)column)[row]);
	}
	for (uint32_t i = 0; i < b->extras; i++) {
		require(b->extra[i].row < b->rows && (!i || b->extra[i].row >= b->extra[i - 1].row));
		check_str(b, b->extra[i].name);
		check_str(b, b->extra[i].value);
	}
}

static void add_account(void *ctx, const struct weir_exporter_report *report)
{
	weir_stats_add(ctx, &report->account.stats);
}

/* The accounts add up to the sums, every byte has a kind, and what was not read has a fault. */
static void check_books(const struct weir_decoder *decoder)
{
	const struct weir_decoder_stats *all = weir_decoder_stats(decoder);
	struct weir_decoder_stats sum = {0};
	uint64_t bytes = 0;
	uint64_t faults = 0;

	weir_decoder_each_exporter(decoder, 0, add_account, &sum);
	require(memcmp(&sum, all, sizeof(sum)) == 0);
	for (unsigned i = 0; i < WEIR_BYTE_KINDS; i++)
		bytes += all->bytes_of[i];
	for (unsigned i = 0; i < WEIR_FAULTS; i++)
		faults += all->fault[i];
	require(bytes == all->bytes);
	require(faults || !all->bytes_of[WEIR_BYTE_UNREAD]);
}

static int take(void *ctx, struct weir_block **block)
{
	const bool *refuse = ctx;

	check_block(*block);
	if (*refuse && (*block)->rows % 3 == 0)
		return -1;
	taken += (*block)->rows;
	weir_block_reset(*block);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct weir_cursor c = weir_cursor(data, size);
	uint8_t mode = weir_cursor_u8(&c);
	bool refuse = mode & 2;
	const struct weir_block_sink sink = {.full = take, .ctx = &refuse};
	struct weir_vocabulary *vocabulary = NULL;
	struct weir_decoder *decoder;
	struct weir_block *block;
	int64_t now_ms = INT64_C(1700000000000);

	taken = 0;
	if (weir_decoder_new(mode & 1 ? &SMALL : &LARGE, 1, &decoder) ||
	    weir_block_new(mode & 1 ? &SMALL_BLOCK : &LARGE_BLOCK, &block))
		abort();
	if (mode & 4 && weir_vocabulary_new(&WORDS, 1, &vocabulary) == 0)
		weir_decoder_vocabulary(decoder, vocabulary);
	while (weir_cursor_left(&c)) {
		struct weir_datagram d = {0};
		uint8_t from = weir_cursor_u8(&c);
		size_t len;
		uint8_t *exact;

		d.exporter.byte[15] = from & 3;
		now_ms += from >> 2; /* up to 63 ms from one to the next */
		d.received_ms = now_ms;
		len = weir_cursor_u16(&c);
		if (len > weir_cursor_left(&c))
			len = weir_cursor_left(&c);
		/* sFlow has a target of its own. */
		exact = malloc(len ? len : 1);
		if (!exact)
			abort();
		if (len)
			memcpy(exact, weir_cursor_take(&c, len), len);
		d.data = exact;
		d.len = len;
		if (len < 2 || exact[0] || exact[1])
			weir_decoder_decode(decoder, &d, &block, &sink);
		free(exact);
	}
	weir_decoder_finish(decoder);
	check_block(block);
	require(weir_decoder_stats(decoder)->flows == taken + block->rows);
	check_books(decoder);
	weir_block_free(block);
	weir_decoder_free(decoder);
	weir_vocabulary_free(vocabulary);
	return 0;
}
