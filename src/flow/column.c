#include "flow/column.h"

#include <string.h>

#include "flow/addr.h"
#include "flow/block.h"

const struct weir_column weir_columns[WEIR_COLUMNS] = {
#define COLUMN(id, name, type, unit, codec, ecs, elements, help) \
	[WEIR_COL_##id] = {#name, WEIR_TYPE_##type, unit, codec, ecs, elements, help},
#include "flow/columns.inc"
#undef COLUMN
};

static const struct {
	enum weir_flow_type value;
	const char *name;
} FLOW_TYPES[] = {
	{WEIR_FLOW_UNKNOWN, "unknown"},     {WEIR_FLOW_NETFLOW1, "netflow_v1"}, {WEIR_FLOW_NETFLOW5, "netflow_v5"},
	{WEIR_FLOW_NETFLOW7, "netflow_v7"}, {WEIR_FLOW_NETFLOW9, "netflow_v9"}, {WEIR_FLOW_IPFIX, "ipfix"},
	{WEIR_FLOW_SFLOW5, "sflow_v5"},     {WEIR_FLOW_PROBE, "probe"},
};

/* The enumeration's labels are those of FLOW_TYPES; column_test.c holds the two against each other. */
#define FLOW_TYPE_SQL                                                                                         \
	"Enum8('unknown' = 0, 'netflow_v1' = 1, 'netflow_v5' = 5, 'netflow_v7' = 7, 'netflow_v9' = 9, "       \
	"'ipfix' = 10, 'sflow_v5' = 50, 'probe' = 100)"

const struct weir_type_info weir_types[WEIR_TYPES] = {
	[WEIR_TYPE_U8]        = {1, "UInt8", "ZSTD(1)"},
	[WEIR_TYPE_U16]       = {2, "UInt16", "ZSTD(1)"},
	[WEIR_TYPE_U32]       = {4, "UInt32", "ZSTD(1)"},
	[WEIR_TYPE_U64]       = {8, "UInt64", "ZSTD(1)"},
	[WEIR_TYPE_TIME]      = {8, "DateTime64(3, 'UTC')", "ZSTD(1)"},
	[WEIR_TYPE_ADDR]      = {sizeof(struct weir_addr), "IPv6", "ZSTD(1)"},
	[WEIR_TYPE_MAC]       = {8, "UInt64", "ZSTD(1)"},
	[WEIR_TYPE_FLOW_TYPE] = {1, FLOW_TYPE_SQL, "ZSTD(1)"},
	[WEIR_TYPE_STRING]    = {sizeof(struct weir_str), "String", "ZSTD(1)"},
	[WEIR_TYPE_NAME]      = {4, "LowCardinality(String)", "ZSTD(1)"},
};

enum weir_column_id weir_column_find(const char *name)
{
	for (unsigned i = 0; i < WEIR_COLUMNS; i++) {
		if (strcmp(weir_columns[i].name, name) == 0)
			return (enum weir_column_id)i;
	}
	return WEIR_COLUMN_NONE;
}

const char *weir_flow_type_name(unsigned value)
{
	for (size_t i = 0; i < sizeof(FLOW_TYPES) / sizeof(FLOW_TYPES[0]); i++) {
		if (FLOW_TYPES[i].value == value)
			return FLOW_TYPES[i].name;
	}
	return "unknown";
}
