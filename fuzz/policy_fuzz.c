/* Rule files of a policy: whatever is in one, reading ends with rules or with an error that says where. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "policy/rule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct weir_rule_file *file = NULL;
	struct weir_error err = {0};

	if (weir_rule_file_read("fuzz", (const char *)data, size, &file, &err)) {
		if (!err.what[0])
			abort();
		return 0;
	}
	weir_rule_file_free(file);
	return 0;
}
