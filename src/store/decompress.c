#include "store/decompress.h"

#include <errno.h>
#include <lz4frame.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#define OUT_BYTES (128 * 1024)

struct weir_decompressor {
	enum weir_coding coding;
	weir_decompressor_take *take;
	void *ctx; /* borrowed */
	LZ4F_dctx *lz4;
	ZSTD_DStream *zstd;
	z_stream z;
	bool z_ready;
	bool within; /* a frame has begun and not ended */
	uint8_t out[OUT_BYTES];
};

/* One call of a library: move *in forward, give what came out. Returns 0 or -EPROTO; *ret_out and within are set. */
static int step(struct weir_decompressor *d, const uint8_t **in, size_t *len, size_t *ret_out)
{
	size_t out = OUT_BYTES;
	size_t used = *len;
	size_t rc;

	if (d->coding == WEIR_CODING_LZ4) {
		rc = LZ4F_decompress(d->lz4, d->out, &out, *in, &used, NULL);
		if (LZ4F_isError(rc))
			return -EPROTO;
		d->within = rc != 0;
	} else if (d->coding == WEIR_CODING_ZSTD) {
		ZSTD_inBuffer from = {*in, *len, 0};
		ZSTD_outBuffer to = {d->out, OUT_BYTES, 0};

		rc = ZSTD_decompressStream(d->zstd, &to, &from);
		if (ZSTD_isError(rc))
			return -EPROTO;
		d->within = rc != 0;
		used = from.pos;
		out = to.pos;
	} else {
		int z;

		if (!d->within && inflateReset(&d->z) != Z_OK)
			return -EPROTO;
		d->z.next_in = (Bytef *)(uintptr_t)*in;
		d->z.avail_in = (uInt)*len;
		d->z.next_out = d->out;
		d->z.avail_out = OUT_BYTES;
		z = inflate(&d->z, Z_NO_FLUSH);
		if (z != Z_OK && z != Z_STREAM_END && z != Z_BUF_ERROR)
			return -EPROTO;
		d->within = z != Z_STREAM_END;
		used = *len - d->z.avail_in;
		out = OUT_BYTES - d->z.avail_out;
	}
	*in += used;
	*len -= used;
	*ret_out = out;
	return 0;
}

int weir_decompressor_feed(struct weir_decompressor *decoder, const void *data, size_t len)
{
	const uint8_t *in = data;
	size_t out = 0;
	int rc;

	if (decoder->coding == WEIR_CODING_NONE)
		return decoder->take(decoder->ctx, data, len);
	/* A full output buffer may mean that more is waiting inside. */
	while (len > 0 || out == OUT_BYTES) {
		size_t before = len;

		rc = step(decoder, &in, &len, &out);
		if (!rc && out)
			rc = decoder->take(decoder->ctx, decoder->out, out);
		if (rc)
			return rc;
		if (!out && len == before)
			return len ? -EPROTO : 0;
	}
	return 0;
}

int weir_decompressor_end(const struct weir_decompressor *decoder)
{
	return decoder->within ? -EPROTO : 0;
}

int weir_decompressor_new(enum weir_coding coding, weir_decompressor_take *take, void *ctx, struct weir_decompressor **ret_decoder)
{
	struct weir_decompressor *d = calloc(1, sizeof(*d));
	bool ready = true;

	if (!d)
		return -ENOMEM;
	d->coding = coding;
	d->take = take;
	d->ctx = ctx;
	if (coding == WEIR_CODING_LZ4) {
		ready = !LZ4F_isError(LZ4F_createDecompressionContext(&d->lz4, LZ4F_VERSION));
	} else if (coding == WEIR_CODING_ZSTD) {
		d->zstd = ZSTD_createDStream();
		ready = d->zstd != NULL;
	} else if (coding != WEIR_CODING_NONE) {
		ready = d->z_ready = inflateInit2(&d->z, 15 + 32) == Z_OK; /* gzip or zlib, by its first bytes */
	}
	if (!ready) {
		weir_decompressor_free(d);
		return -ENOMEM;
	}
	*ret_decoder = d;
	return 0;
}

void weir_decompressor_free(struct weir_decompressor *decoder)
{
	if (!decoder)
		return;
	LZ4F_freeDecompressionContext(decoder->lz4);
	ZSTD_freeDStream(decoder->zstd);
	if (decoder->z_ready)
		inflateEnd(&decoder->z);
	free(decoder);
}
