#include "replicate/rendezvous.h"

#include <string.h>

#include <xxhash.h>

uint64_t weir_replicate_rendezvous_key(const char *name)
{
	return XXH64(name, strlen(name), 0);
}

uint64_t weir_replicate_rendezvous_score(const struct weir_addr *exporter, uint64_t key)
{
	return XXH64(exporter->byte, sizeof(exporter->byte), key);
}
