/* The table of routes: each is documented in doc/openapi.yaml, and the tests hold one against the other. */
#include <stddef.h>

#include "web/call.h"

#define TEXT(name_, max_)		{.name = name_, .type = WEIR_WEB_TEXT, .max = max_}
#define NEEDED(name_, max_)		{.name = name_, .type = WEIR_WEB_TEXT, .max = max_, .min = 1, .required = true}
#define NUMBER(name_, min_, max_, s_)	{.name = name_, .type = WEIR_WEB_NUMBER, .min = min_, .max = max_, .standard = s_}
#define BOOL(name_)			{.name = name_, .type = WEIR_WEB_BOOL, .standard = "false"}
#define CHOICE(name_, words_, s_)	{.name = name_, .type = WEIR_WEB_CHOICE, .words = words_, .standard = s_}
#define ID(name_)			{.name = name_, .type = WEIR_WEB_ID}
#define WINDOW				TEXT("from", 64), TEXT("to", 64), TEXT("last", 32)
#define FILTER				TEXT("filter", WEIR_FILTER_TEXT_MAX)
#define COMPARE				CHOICE("compare", "none|previous|day|week", "none")
#define FORMAT				CHOICE("format", "json|csv|ndjson", "json")
#define SUMS				BOOL("exported"), CHOICE("rollup", "auto|never", "auto")
#define BY				CHOICE("by", "zone|subnet|address", "zone")
#define END				{.name = NULL}


static const struct weir_web_parameter WINDOW_ONLY[] = {WINDOW, ID("query_id"), END};
static const struct weir_web_parameter AUDIT[] = {NUMBER("limit", 1, 10000, "200"), END};
static const struct weir_web_parameter DEVICES[] = {TEXT("collector", 255), END};
static const struct weir_web_parameter LOG_IN[] = {NEEDED("name", 64), NEEDED("password", 1024), END};
static const struct weir_web_parameter GRAPH[] = {WINDOW, FILTER, TEXT("dimensions", 512),
			   CHOICE("metric", "bps|pps|fps|bytes|packets|flows", "bps"), NUMBER("limit", 0, 100, "10"),
			   {.name = "interval", .type = WEIR_WEB_TEXT, .min = 1, .max = 16, .standard = "auto"},
			   NUMBER("points", 1, 2000, "200"), COMPARE, SUMS, FORMAT, ID("query_id"), END};
static const struct weir_web_parameter TOP[] = {WINDOW, FILTER, NEEDED("dimensions", 512), CHOICE("metric", "bytes|packets|flows", "bytes"),
			 NUMBER("limit", 1, 10000, "10"), COMPARE, SUMS, FORMAT, ID("query_id"), END};
static const struct weir_web_parameter FLOWS[] = {WINDOW, FILTER, TEXT("columns", 4096),
			   {.name = "order", .type = WEIR_WEB_TEXT, .min = 1, .max = 64, .standard = "time_received"},
			   CHOICE("direction", "desc|asc", "desc"), NUMBER("limit", 1, 1000000, "100"),
			   NUMBER("offset", 0, 100000000, "0"), TEXT("cursor", 4096), BOOL("count"), FORMAT, ID("query_id"), END};
static const struct weir_web_parameter CONVERSATION[] = {WINDOW, NEEDED("src_addr", 64), NEEDED("dst_addr", 64),
				  NUMBER("src_port", 0, 65535, NULL), NUMBER("dst_port", 0, 65535, NULL), TEXT("proto", 16),
				  TEXT("columns", 4096), NUMBER("limit", 1, 10000, "1000"), ID("query_id"), END};
static const struct weir_web_parameter HOST[] = {NEEDED("addr", 64), WINDOW, NUMBER("limit", 1, 1000, "20"), ID("query_id"), END};
static const struct weir_web_parameter SQL[] = {NEEDED("sql", 65536), NUMBER("limit", 1, 1000000, "1000"), FORMAT, ID("query_id"), END};
static const struct weir_web_parameter QUERY[] = {{.name = "id", .type = WEIR_WEB_ID, .required = true}, END};
static const struct weir_web_parameter CHECK[] = {{.name = "filter", .type = WEIR_WEB_TEXT, .max = WEIR_FILTER_TEXT_MAX, .required = true}, END};
static const struct weir_web_parameter COMPLETE[] = {{.name = "filter", .type = WEIR_WEB_TEXT, .max = WEIR_FILTER_TEXT_MAX, .required = true},
			      NUMBER("at", 0, 32768, NULL), NUMBER("limit", 1, 100, "20"), END};
static const struct weir_web_parameter EVENTS[] = {WINDOW, CHOICE("state", "open|acknowledged|silenced|all", "open"),
			    CHOICE("severity", "info|notice|warning|error|critical", "info"), TEXT("rule", 128),
			    NUMBER("limit", 1, 1000, "100"), NUMBER("offset", 0, 1000000, "0"), END};
static const struct weir_web_parameter ACKNOWLEDGE[] = {NEEDED("id", 64), TEXT("comment", 1024), END};
static const struct weir_web_parameter SILENCE[] = {NEEDED("id", 64), NEEDED("for", 16), TEXT("comment", 1024), END};
static const struct weir_web_parameter MATRIX[] = {WINDOW, FILTER, BY, TEXT("src", 64), TEXT("dst", 64), BOOL("services"),
			    NUMBER("limit", 1, 10000, "1000"), FORMAT, ID("query_id"), END};
static const struct weir_web_parameter MATRIX_DIFF[] = {WINDOW, FILTER, CHOICE("compare", "previous|day|week", "previous"), BY, TEXT("src", 64), TEXT("dst", 64),
				 BOOL("services"), NUMBER("limit", 1, 10000, "1000"), FORMAT, ID("query_id"), END};
static const struct weir_web_parameter APPROVE[] = {WINDOW, {.name = "by", .type = WEIR_WEB_CHOICE, .words = "zone|subnet", .required = true},
			     {.name = "src", .type = WEIR_WEB_TEXT, .max = 64, .required = true},
			     {.name = "dst", .type = WEIR_WEB_TEXT, .max = 64, .required = true},
			     NUMBER("protocol", 0, 255, NULL), NUMBER("dst_port", 0, 65535, NULL),
			     {.name = "approved", .type = WEIR_WEB_BOOL, .standard = "true"}, TEXT("comment", 1024), END};

#define NOBODY	 WEIR_WEB_NOBODY
#define VIEWER	 WEIR_WEB_VIEWER
#define OPERATOR WEIR_WEB_OPERATOR
#define ADMIN	 WEIR_WEB_ADMINISTRATOR
#define V1	 "/api/v1/"

/* clang-format off */
const struct weir_web_route weir_web_routes[] = {
	{"GET",    "/healthz",                    NOBODY,   weir_web_get_health,       NULL,         "health", false},
	{"GET",    "/readyz",                     NOBODY,   weir_web_get_ready,        NULL,         "ready", false},
	{"GET",    "/metrics",                    VIEWER,   weir_web_get_metrics,      NULL,         "metrics", false},
	{"GET",    V1 "session",                  NOBODY,   weir_web_get_session,      NULL,         "session", false},
	{"POST",   V1 "session",                  NOBODY,   weir_web_log_in,           LOG_IN,       "log-in", false},
	{"DELETE", V1 "session",                  VIEWER,   weir_web_log_out,          NULL,         "log-out", false},
	{"GET",    V1 "audit",                    ADMIN,    weir_web_get_audit,        AUDIT,        "audit", false},
	{"GET",    V1 "columns",                  VIEWER,   weir_web_get_columns,      NULL,         "columns", false},
	{"GET",    V1 "status",                   VIEWER,   weir_web_get_status,       NULL,         "status", false},
	{"GET",    V1 "exporters",                VIEWER,   weir_web_get_exporters,    WINDOW_ONLY,  "exporters", false},
	{"GET",    V1 "devices",                  VIEWER,   weir_web_get_devices,      DEVICES,      "devices", false},
	{"GET",    V1 "graph",                    VIEWER,   weir_web_get_graph,        GRAPH,        "graph", true},
	{"GET",    V1 "top",                      VIEWER,   weir_web_get_top,          TOP,          "top", true},
	{"GET",    V1 "flows",                    VIEWER,   weir_web_get_flows,        FLOWS,        "flows", true},
	{"GET",    V1 "flow-conversation",        VIEWER,   weir_web_get_conversation, CONVERSATION, "flow-conversation", false},
	{"GET",    V1 "host/{addr}",              VIEWER,   weir_web_get_host,         HOST,         "host", false},
	{"POST",   V1 "sql",                      OPERATOR, weir_web_run_sql,          SQL,          "sql", false},
	{"GET",    V1 "query/{id}",               VIEWER,   weir_web_get_query,        QUERY,        "query", false},
	{"DELETE", V1 "query/{id}",               VIEWER,   weir_web_cancel_query,     QUERY,        "cancel", false},
	{"GET",    V1 "queries",                  VIEWER,   weir_web_get_queries,      NULL,         "queries", false},
	{"GET",    V1 "filter/check",             VIEWER,   weir_web_check_filter,     CHECK,        "filter-check", false},
	{"GET",    V1 "filter/complete",          VIEWER,   weir_web_complete_filter,  COMPLETE,     "filter-complete", false},
	{"GET",    V1 "events",                   VIEWER,   weir_web_get_events,       EVENTS,       "events", false},
	{"POST",   V1 "events/{id}/acknowledge",  OPERATOR, weir_web_acknowledge,      ACKNOWLEDGE,  "acknowledge", false},
	{"POST",   V1 "events/{id}/silence",      OPERATOR, weir_web_silence,          SILENCE,      "silence", false},
	{"GET",    V1 "matrix",                   VIEWER,   weir_web_get_matrix,       MATRIX,       "matrix", false},
	{"GET",    V1 "matrix/diff",              VIEWER,   weir_web_get_matrix_diff,  MATRIX_DIFF,  "matrix-diff", false},
	{"POST",   V1 "matrix/approve",           OPERATOR, weir_web_approve,          APPROVE,      "approve", false},
	{0},
};
/* clang-format on */
