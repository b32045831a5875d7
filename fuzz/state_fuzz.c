/* Saved states of a decoder, which may be anybody's bytes. What a decoder took over it saves again, and that is read by
 * another one without a mistake, to the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "wire/decoder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW_MS 1700000000000

static const struct weir_decoder_limits LIMITS = {.exporters_max = 16, .templates_max = 8, .fields_max = 32,
						  .template_bytes_max = 1 << 20};

static void again(struct weir_decoder *first)
{
	struct weir_buffer saved, same;
	struct weir_decoder *second;

	weir_buffer_init(&saved);
	weir_buffer_init(&same);
	if (weir_decoder_new(&LIMITS, 2, &second))
		return;
	if (weir_decoder_save(first, NOW_MS, &saved) == 0) {
		if (weir_decoder_load(second, saved.data, saved.len, NOW_MS, NULL, NULL) < 0)
			abort();
		if (weir_decoder_save(second, NOW_MS, &same) == 0 && saved.len != same.len)
			abort();
	}
	weir_decoder_free(second);
	weir_buffer_done(&saved);
	weir_buffer_done(&same);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct weir_decoder *decoder;
	int rc;

	if (weir_decoder_new(&LIMITS, 1, &decoder))
		return 0;
	rc = weir_decoder_load(decoder, data, size, NOW_MS, NULL, NULL);
	(void)rc;
	again(decoder);
	weir_decoder_free(decoder);
	return 0;
}
