/* Threat lists in any form: the first bytes pick it, as they do in a file. What is read is looked up. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "enrich/threats_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct weir_vocabulary_limits limits = {.names_max = 20000, .bytes_max = 1U << 20};
	static const struct weir_addr addr[2] = {{{[10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2}}, {{0x20, 0x01, 0x0d, 0xb8}}};
	static const uint16_t port[2] = {443, 53};
	static const uint8_t proto[2] = {6, 17};
	static const bool known[2] = {false, true};
	struct weir_threat_reader r = {.name = "fuzz", .file = "fuzz", .confidence = 75};
	struct weir_vocabulary *vocabulary;
	struct weir_threats *threats;
	struct weir_error err;
	uint32_t name[2];
	FILE *file;

	if (!size || weir_vocabulary_new(&limits, 1, &vocabulary))
		return 0;
	file = fmemopen((void *)(uintptr_t)data, size, "r");
	if (!file || weir_threats_new(&threats))
		abort();
	r.threats = threats;
	r.vocabulary = vocabulary;
	r.err = &err;
	(void)!weir_threat_read(&r, file);
	if (weir_threats_finish(threats) == 0)
		weir_threats_find_all(threats, addr, port, proto, known, 2, 1767225600, name);
	(void)fclose(file);
	weir_threats_free(threats);
	weir_vocabulary_free(vocabulary);
	return 0;
}
