/* Any bytes as weir.yaml: refused with a place, or read, and then what is shown reads the same. */
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct weir_config config;
	struct weir_config again;
	struct weir_error err = {0};
	struct weir_buffer shown[2] = {0};

	if (weir_config_parse("fuzz", (const char *)data, size, &config, &err)) {
		if (!*err.where || !*err.what)
			abort();
		return 0;
	}
	if (weir_config_show(&config, &shown[0]) ||
	    weir_config_parse("shown", (const char *)shown[0].data, shown[0].len, &again, &err) ||
	    weir_config_show(&again, &shown[1]) || shown[0].len != shown[1].len ||
	    memcmp(shown[0].data, shown[1].data, shown[0].len) != 0)
		abort();
	weir_config_done(&config);
	weir_config_done(&again);
	weir_buffer_done(&shown[0]);
	weir_buffer_done(&shown[1]);
	return 0;
}
