/* Undoes the Content-Encoding of a request's body as it arrives: lz4 frames, zstd, gzip, deflate. One thread. */
#ifndef WEIR_STORE_DECOMPRESS_H
#define WEIR_STORE_DECOMPRESS_H

#include <stdint.h>

#include "store/request.h"

struct weir_decompressor;

/* take() gets what was decoded; a negative return of it ends the feed and is returned. */
typedef int weir_decompressor_take(void *ctx, const void *data, size_t len);

int weir_decompressor_new(enum weir_coding coding, weir_decompressor_take *take, void *ctx,
		     struct weir_decompressor **ret_decoder) WEIR_MUST_CHECK;
void weir_decompressor_free(struct weir_decompressor *decoder);
/* -EPROTO: not of this coding. */
int weir_decompressor_feed(struct weir_decompressor *decoder, const void *data, size_t len) WEIR_MUST_CHECK;
/* Behind the last feed. -EPROTO: it was cut short. */
int weir_decompressor_end(const struct weir_decompressor *decoder) WEIR_MUST_CHECK;

#endif
