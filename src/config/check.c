/* What no single value can tell: options that contradict each other. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/option.h"

static const struct weir_config_place *place_of(const char *path, const struct weir_config_place *places)
{
	for (unsigned i = 0; weir_config_options[i].path; i++) {
		if (strcmp(weir_config_options[i].path, path) == 0)
			return &places[i];
	}
	return NULL;
}

/* The place of an option that was set, else the file alone. */
static const char *where(char *ret_text, size_t size, const char *name, const struct weir_config_place *place)
{
	if (place && place->line)
		(void)snprintf(ret_text, size, "%s:%u:%u", name, place->line, place->column);
	else
		(void)snprintf(ret_text, size, "%s", name);
	return ret_text;
}

/* "*:2055" and ":2055" are the same. */
static bool same_address(const char *a, const char *b)
{
	return strcmp(a + (*a == '*'), b + (*b == '*')) == 0;
}

static const char *twice(const struct weir_config_list *list)
{
	for (unsigned i = 1; i < list->count; i++) {
		for (unsigned j = 0; j < i; j++) {
			if (same_address(list->item[i], list->item[j]))
				return list->item[i];
		}
	}
	return NULL;
}

int weir_config_cross_check(const struct weir_config *config, const char *name,
			    const struct weir_config_place *places, struct weir_error *err)
{
	char at[256];
	const char *address = twice(&config->collect_listen);

	if (address)
		return weir_error_set(err, -EINVAL,
				      where(at, sizeof(at), name, place_of("collect.listen", places)),
				      "name each address once", "collect.listen has \"%s\" twice", address);
	if (config->spool_segment_bytes > config->spool_size_max_bytes / 4)
		return weir_error_set(err, -EINVAL,
				      where(at, sizeof(at), name, place_of("spool.segment", places)),
				      "make spool.segment smaller or spool.size_max larger",
				      "spool.segment is more than a quarter of spool.size_max");
	if (!config->store_embedded && !*config->store_url)
		return weir_error_set(err, -EINVAL,
				      where(at, sizeof(at), name, place_of("store.embedded", places)),
				      "set store.url to the server's, as http://clickhouse.example:8123",
				      "store.embedded is false and store.url names no ClickHouse server");
	if (config->store_embedded && *config->store_url)
		return weir_error_set(err, -EINVAL, where(at, sizeof(at), name, place_of("store.url", places)),
				      "set store.embedded to false to use the server, or store.url to \"\"",
				      "store.url names a ClickHouse server but store.embedded is true");
	return 0;
}
