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

/* A list with an address twice, or one that another has for the same protocol. */
static int check_addresses(const struct weir_config *config, const char *name, const struct weir_config_place *places,
			   struct weir_error *err)
{
	const struct {
		const char *path;
		const struct weir_config_list *list;
	} LISTS[] = {{"collect.listen", &config->collect_listen},
		     {"collect.tcp_listen", &config->collect_tcp_listen},
		     {"collect.tls_listen", &config->collect_tls_listen},
		     {"replicate.listen", &config->replicate_listen},
		     {"web.listen", &config->web_listen}};
	char at[256];

	for (unsigned i = 0; i < sizeof(LISTS) / sizeof(LISTS[0]); i++) {
		const char *address = twice(LISTS[i].list);

		if (address)
			return weir_error_set(err, -EINVAL, where(at, sizeof(at), name, place_of(LISTS[i].path, places)),
					      "name each address once", "%s has \"%s\" twice", LISTS[i].path, address);
	}
	for (unsigned i = 0; i < config->collect_tls_listen.count; i++) {
		for (unsigned j = 0; j < config->collect_tcp_listen.count; j++) {
			if (same_address(config->collect_tls_listen.item[i], config->collect_tcp_listen.item[j]))
				return weir_error_set(err, -EINVAL,
						      where(at, sizeof(at), name, place_of("collect.tls_listen", places)),
						      "give TLS a port of its own, as 4740",
						      "collect.tcp_listen has \"%s\" as well",
						      config->collect_tls_listen.item[i]);
		}
	}
	return 0;
}

static int check_tls(const struct weir_config *config, const char *name, const struct weir_config_place *places,
		     struct weir_error *err)
{
	const struct {
		const char *path;
		const char *file;
	} FILES[] = {{"tls.certificate", config->tls_certificate},
		     {"tls.key", config->tls_key},
		     {"tls.ca", config->tls_client_certificate ? config->tls_ca : "-"}};
	char at[256];

	for (unsigned i = 0; config->collect_tls_listen.count && i < sizeof(FILES) / sizeof(FILES[0]); i++) {
		if (!*FILES[i].file)
			return weir_error_set(err, -EINVAL,
					      where(at, sizeof(at), name, place_of("collect.tls_listen", places)),
					      "name the PEM file, or leave collect.tls_listen out",
					      "TLS needs %s, which is not set", FILES[i].path);
	}
	if (config->tls_peers.count && !config->tls_client_certificate)
		return weir_error_set(err, -EINVAL, where(at, sizeof(at), name, place_of("tls.peers", places)),
				      "set tls.client_certificate to true, or leave tls.peers out",
				      "names are read from certificates, which tls.client_certificate does not ask for");
	return 0;
}

/* The replicator's receivers beside the collector's; where those are the defaults the replicator may be alone. */
static int check_replicate(const struct weir_config *config, const char *name, const struct weir_config_place *places,
			   struct weir_error *err)
{
	bool both = config->replicate_to.count && place_of("collect.listen", places)->line;
	char at[256];

	if (config->replicate_to.count && !config->replicate_listen.count)
		return weir_error_set(err, -EINVAL, where(at, sizeof(at), name, place_of("replicate.to", places)),
				      "set replicate.listen, as \"*:9996\"", "replicate.listen names no address");
	for (unsigned i = 0; both && i < config->replicate_listen.count; i++) {
		for (unsigned j = 0; j < config->collect_listen.count; j++) {
			if (same_address(config->replicate_listen.item[i], config->collect_listen.item[j]))
				return weir_error_set(err, -EINVAL,
						      where(at, sizeof(at), name, place_of("replicate.listen", places)),
						      "give one of them another port", "collect.listen has \"%s\" as well",
						      config->replicate_listen.item[i]);
		}
	}
	return 0;
}

static int check_web(const struct weir_config *config, const char *name, const struct weir_config_place *places,
		     struct weir_error *err)
{
	bool header = *config->web_proxy_user_header;
	char at[256];

	if (!*config->web_certificate != !*config->web_key)
		return weir_error_set(err, -EINVAL,
				      where(at, sizeof(at), name, place_of(*config->web_key ? "web.key" : "web.certificate", places)),
				      "name both PEM files, or neither", "TLS needs web.certificate and web.key");
	if (header != (config->web_proxy_from.count > 0))
		return weir_error_set(err, -EINVAL,
				      where(at, sizeof(at), name, place_of(header ? "web.proxy_user_header" : "web.proxy_from", places)),
				      "set both, or neither", "a proxy is trusted by web.proxy_user_header and web.proxy_from together");
	if (header && config->web_proxy_user_header[strspn(config->web_proxy_user_header,
							    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-")])
		return weir_error_set(err, -EINVAL, where(at, sizeof(at), name, place_of("web.proxy_user_header", places)),
				      "write it as X-Forwarded-User", "this is no header's name");
	return 0;
}

int weir_config_cross_check(const struct weir_config *config, const char *name,
			    const struct weir_config_place *places, struct weir_error *err)
{
	char at[256];
	int rc = check_addresses(config, name, places, err);

	if (!rc)
		rc = check_tls(config, name, places, err);
	if (!rc)
		rc = check_replicate(config, name, places, err);
	if (!rc)
		rc = check_web(config, name, places, err);
	if (rc)
		return rc;
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
