/* weir.yaml: one schema table (config/options.inc) gives the parsing with its ranges and defaults, `config check`,
 * `config show`, and the documentation. A configuration is read once and then only read: any thread. It owns its
 * strings and lists. */
#ifndef WEIR_CONFIG_CONFIG_H
#define WEIR_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

struct weir_config_list {
	char **item; /* owned */
	unsigned count;
};

/* One member an option, filled through the schema table. */
struct weir_config {
	char *data_dir;
	bool sandbox;

	struct weir_config_list collect_listen;
	struct weir_config_list collect_tcp_listen;
	struct weir_config_list collect_tls_listen;
	struct weir_config_list collect_allow;
	uint64_t collect_workers; /* 0: one for each processor, at most 4 */
	uint64_t collect_receive_buffer_bytes;
	uint64_t collect_sync_ms;
	uint64_t collect_exporters_max;
	uint64_t collect_templates_max;
	uint64_t collect_sessions_max;
	uint64_t collect_sessions_per_address;
	uint64_t collect_session_timeout_ms;
	uint64_t collect_session_idle_ms;
	char *collect_sflow_addresses;
	uint64_t collect_exporter_rate_max; /* 0: no limit */
	char *collect_user; /* which all roles become when `weir run` is root's (supervise/user.h) */

	char *tls_certificate;
	char *tls_key;
	char *tls_ca;
	bool tls_client_certificate;
	struct weir_config_list tls_peers;

	struct weir_config_list probe_interfaces;
	char *probe_filter;
	uint64_t probe_workers;
	uint64_t probe_ring_bytes;
	uint64_t probe_cache;
	uint64_t probe_active_ms;
	uint64_t probe_inactive_ms;
	char *probe_tunnel;
	uint64_t probe_sampling;
	bool probe_promiscuous;
	struct weir_config_list probe_to; /* none: the spool alone */
	char *probe_version;

	uint64_t spool_size_max_bytes;
	uint64_t spool_segment_bytes;

	char *networks_file;
	struct weir_config_list networks_list;
	struct weir_config_list networks_external; /* zones */
	char *policy_file;
	struct weir_config_list policy_packs;
	uint64_t policy_storm;
	struct weir_config_list notify_to; /* none: `weir run` starts no notifier */
	char *services_file;
	struct weir_config_list exporters_names;
	struct weir_config_list exporters_interfaces;
	struct weir_config_list exporters_speeds;
	struct weir_config_list capacity_limits;
	struct weir_config_list snmp_targets; /* none: `weir run` asks nobody */
	uint64_t snmp_interval_ms;
	uint64_t snmp_timeout_ms;
	uint64_t snmp_retries;
	uint64_t snmp_interfaces_max;
	char *geo_country;
	char *geo_as;
	char *geo_overrides;
	struct weir_config_list threats_lists;
	uint64_t threats_confidence_min;

	struct weir_config_list replicate_listen;
	struct weir_config_list replicate_to; /* none: `weir run` starts no replicator */
	bool replicate_keep_source;
	bool replicate_balance;
	uint64_t replicate_workers; /* 0: one for each processor, at most 4 */
	uint64_t replicate_receive_buffer_bytes;
	uint64_t replicate_exporters_max;
	uint64_t replicate_health_interval_ms;
	uint64_t replicate_health_timeout_ms;
	uint64_t replicate_return_after_ms;

	bool store_embedded;
	char *store_listen; /* of the embedded store */
	char *store_url;    /* of a ClickHouse server; "": the embedded store's */
	char *store_database;
	char *store_user;
	char *store_password_file;
	uint64_t store_memory_max_bytes; /* 0: from the machine's size */
	uint64_t store_flows_retention_s;
	uint64_t store_rollup_retention_s;
	char *store_library; /* libchdb.so; "": looked for */

	struct weir_config_list web_listen; /* none: `weir run` serves no page */
	struct weir_config_list web_names;
	char *web_certificate;
	char *web_key;
	char *web_users_file; /* "": web/users in the data folder */
	uint64_t web_session_idle_s;
	uint64_t web_session_max_s;
	char *web_proxy_user_header;
	struct weir_config_list web_proxy_from;
	char *web_proxy_role;
	uint64_t web_queries_max;
	uint64_t web_query_timeout_s;
	uint64_t web_query_memory_max_bytes;

	char *log_level;
};

/* Larger files are refused. */
#define WEIR_CONFIG_SIZE_MAX 1048576

/* Which file a command uses: named (its --config, or NULL), else $WEIR_CONFIG, else ./weir.yaml if it is there, else
 * /etc/weir/weir.yaml if it is there, else NULL: the defaults. Borrowed from named, the environment or the
 * program. */
const char *weir_config_find(const char *named);

/* Read the file, or the defaults alone when path is NULL: weir_config_read(weir_config_find(named), …). On a mistake
 * err has file, line and column, what is wrong and what would be right, a negative value is returned and ret_config
 * is as it was. */
int weir_config_read(const char *path, struct weir_config *ret_config, struct weir_error *err) WEIR_MUST_CHECK;
/* The same from text; name stands for the file in errors. */
int weir_config_parse(const char *name, const char *text, size_t len, struct weir_config *ret_config,
		      struct weir_error *err) WEIR_MUST_CHECK;
int weir_config_defaults(struct weir_config *ret_config, struct weir_error *err) WEIR_MUST_CHECK;
void weir_config_done(struct weir_config *config);

/* The whole configuration as YAML, each option with its help as a comment. It may be shown to anybody: no option is
 * a secret, for passwords have files of their own and URLs that hold one are refused. */
int weir_config_show(const struct weir_config *config, struct weir_buffer *out) WEIR_MUST_CHECK;
/* The reference as Markdown: a row an option. */
int weir_config_document(struct weir_buffer *out) WEIR_MUST_CHECK;

#endif
