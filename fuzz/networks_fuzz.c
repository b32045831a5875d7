/* Files that a person writes for enrichment: networks and services. What is read is looked up and checked. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "enrich/catalog.h"
#include "enrich/networks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore(void *ctx, enum weir_networks_finding finding, const char *text)
{
	*(size_t *)ctx += (size_t)finding + (size_t)text[0];
}

static void read_networks(const uint8_t *data, size_t size, struct weir_vocabulary *vocabulary)
{
	const struct weir_networks_options options = {0};
	FILE *file = fmemopen((void *)(uintptr_t)data, size, "r");
	struct weir_networks *networks;
	struct weir_error err;
	size_t sum = 0;

	if (!file)
		abort();
	if (weir_networks_read(&options, file, "fuzz", vocabulary, &networks, &err) == 0) {
		for (uint32_t i = 1; i < networks->count; i++) {
			const struct weir_prefix *prefix = &networks->network[i].prefix;
			struct weir_addr last = weir_prefix_last(prefix);

			/* Each network holds its ends, or a longer one within it does. A network of IPv6 that ends among the mapped
			 * addresses (::/80) does not hold IPv4's. */
			if (!weir_networks_find(networks, &prefix->addr) ||
			    (weir_addr_is_v4(&last) == weir_prefix_is_v4(prefix) && !weir_networks_find(networks, &last)))
				abort();
		}
		weir_networks_check(networks, vocabulary, ignore, &sum);
		weir_networks_free(networks);
	}
	(void)fclose(file);
}

static void read_services(const uint8_t *data, size_t size, struct weir_vocabulary *vocabulary)
{
	FILE *file = fmemopen((void *)(uintptr_t)data, size, "r");
	struct weir_catalog *catalog;
	struct weir_error err;

	if (!file)
		abort();
	if (weir_catalog_read(file, "fuzz", vocabulary, &catalog, &err) == 0)
		weir_catalog_free(catalog);
	(void)fclose(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct weir_vocabulary_limits limits = {.names_max = 20000, .bytes_max = 1U << 20};
	struct weir_vocabulary *vocabulary;

	if (!size || weir_vocabulary_new(&limits, 1, &vocabulary))
		return 0;
	read_networks(data, size, vocabulary);
	read_services(data, size, vocabulary);
	weir_vocabulary_free(vocabulary);
	return 0;
}
