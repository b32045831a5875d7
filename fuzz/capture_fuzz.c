/* A capture file as it may be found on a disk: whatever it is, it is read to its end or to an error. */
#include <stdint.h>
#include <stdio.h>

#include "receive/capture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct weir_addr fallback = {0};
	FILE *file = size ? fmemopen((void *)(uintptr_t)data, size, "rb") : NULL;
	struct weir_capture *capture;
	struct weir_datagram datagram;
	struct weir_error err;
	volatile uint8_t sum = 0;

	if (!file || weir_capture_open_stream(file, "input", &fallback, 0, &capture, &err))
		return 0;
	while (weir_capture_next(capture, &datagram, &err) == 1) {
		for (size_t i = 0; i < datagram.len; i++)
			sum = (uint8_t)(sum + datagram.data[i]);
	}
	weir_capture_close(capture);
	return 0;
}
