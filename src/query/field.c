#include "query/field.h"

#include <ctype.h>
#include <string.h>

/* What a column's type says of its values. */
static const struct {
	enum weir_kind kind;
	uint64_t max;
} TYPES[WEIR_TYPES] = {
	[WEIR_TYPE_U8] = {WEIR_KIND_NUMBER, UINT8_MAX},
	[WEIR_TYPE_U16] = {WEIR_KIND_NUMBER, UINT16_MAX},
	[WEIR_TYPE_U32] = {WEIR_KIND_NUMBER, UINT32_MAX},
	[WEIR_TYPE_U64] = {WEIR_KIND_NUMBER, UINT64_MAX},
	[WEIR_TYPE_TIME] = {WEIR_KIND_TIME, UINT64_MAX},
	[WEIR_TYPE_ADDR] = {WEIR_KIND_ADDR, 0},
	[WEIR_TYPE_MAC] = {WEIR_KIND_MAC, UINT64_C(0xffffffffffff)},
	[WEIR_TYPE_FLOW_TYPE] = {WEIR_KIND_FLOW_TYPE, UINT8_MAX},
	[WEIR_TYPE_STRING] = {WEIR_KIND_TEXT, 0},
	[WEIR_TYPE_NAME] = {WEIR_KIND_TEXT, 0},
};

/* The columns that flows_1m keeps (sql/schema/0002_flows_1m.sql). */
static const enum weir_column_id ROLLUP_COLUMNS[] = {
	WEIR_COL_EXPORTER_ADDR, WEIR_COL_IN_IF,	 WEIR_COL_OUT_IF,
	WEIR_COL_PROTO,		WEIR_COL_SRC_AS, WEIR_COL_DST_AS, WEIR_COL_SERVICE_PORT,
};

/* Milliseconds, 0 where an end is missing or before the start. */
#define DURATION_SQL "greatest(toUnixTimestamp64Milli(time_end) - toUnixTimestamp64Milli(time_start), 0)"
/* A flow of one packet has no duration and no rate: 0, as in nfdump. Floating, so that nothing can overflow. */
#define RATE_SQL(what) "if(" DURATION_SQL " = 0, 0, " what " / " DURATION_SQL ")"

static const struct weir_field COMPUTED[WEIR_FIELDS - WEIR_COLUMNS] = {
#define ROW(id) [WEIR_FIELD_##id - WEIR_COLUMNS]
	ROW(DURATION) = {"duration", WEIR_KIND_DURATION, DURATION_SQL, NULL, UINT64_MAX,
			 "From the first packet to the last, in milliseconds"},
	ROW(BPS) = {"bps", WEIR_KIND_RATE, RATE_SQL("bytes * 8e3"), NULL, UINT64_MAX, "Bits a second, as exported"},
	ROW(PPS) = {"pps", WEIR_KIND_RATE, RATE_SQL("packets * 1e3"), NULL, UINT64_MAX, "Packets a second, as exported"},
	ROW(BPP) = {"bpp", WEIR_KIND_RATE, "if(packets = 0, 0, bytes / packets)", NULL, UINT64_MAX,
		    "Bytes a packet"},
	ROW(MINUTE) = {"minute", WEIR_KIND_TIME, "toStartOfMinute(time_received)", "minute", UINT64_MAX,
		       "Minute in which the flow was received"},
	ROW(HOUR) = {"hour", WEIR_KIND_TIME, "toStartOfHour(time_received)", "toStartOfHour(minute)", UINT64_MAX,
		     "Hour in which the flow was received"},
	ROW(DAY) = {"day", WEIR_KIND_TIME, "toStartOfDay(time_received)", "toStartOfDay(minute)", UINT64_MAX,
		    "Day (UTC) in which the flow was received"},
#undef ROW
};

static enum weir_kind kind_of_column(unsigned id)
{
	const struct weir_column *c = &weir_columns[id];

	if (id == WEIR_COL_PROTO)
		return WEIR_KIND_PROTO;
	if (id == WEIR_COL_TCP_FLAGS)
		return WEIR_KIND_FLAGS;
	if (c->type == WEIR_TYPE_U64 && strcmp(c->unit, "bytes") == 0)
		return WEIR_KIND_BYTES;
	if (c->type == WEIR_TYPE_U64 && strcmp(c->unit, "packets") == 0)
		return WEIR_KIND_COUNT;
	return TYPES[c->type].kind;
}

struct weir_field weir_field(unsigned id)
{
	struct weir_field field;

	if (id >= WEIR_COLUMNS)
		return COMPUTED[id - WEIR_COLUMNS];
	field = (struct weir_field){
		.name = weir_columns[id].name,
		.kind = kind_of_column(id),
		.sql = weir_columns[id].name,
		.max = TYPES[weir_columns[id].type].max,
		.help = weir_columns[id].help,
	};
	for (size_t i = 0; i < sizeof(ROLLUP_COLUMNS) / sizeof(ROLLUP_COLUMNS[0]); i++) {
		if (ROLLUP_COLUMNS[i] == id)
			field.rollup_sql = field.name;
	}
	return field;
}

static const struct {
	unsigned field;
	const char *sql;
	bool address;
} MATRIX_COLUMNS[] = {
	{WEIR_COL_SRC_ZONE, "src_zone", false},
	{WEIR_COL_DST_ZONE, "dst_zone", false},
	{WEIR_COL_SRC_SUBNET, "src_subnet", false},
	{WEIR_COL_DST_SUBNET, "dst_subnet", false},
	{WEIR_COL_SRC_ADDR, "src_addr", true},
	{WEIR_COL_DST_ADDR, "dst_addr", true},
	{WEIR_COL_TRAFFIC_DIRECTION, "direction", false},
	{WEIR_COL_PROTO, "protocol", false},
	{WEIR_COL_SRC_PORT, "toUInt16(0)", false},
	{WEIR_COL_DST_PORT, "dst_port", false},
	{WEIR_COL_SERVICE_PORT, "dst_port", false},
	{WEIR_COL_SERVICE, "service", false},
	{WEIR_COL_CATEGORY, "category", false},
	{WEIR_COL_RULE, "rule", false},
	{WEIR_COL_ACTION, "action", false},
};

const char *weir_field_matrix_sql(unsigned id, bool addresses)
{
	for (size_t i = 0; i < sizeof(MATRIX_COLUMNS) / sizeof(MATRIX_COLUMNS[0]); i++) {
		if (MATRIX_COLUMNS[i].field == id && (addresses || !MATRIX_COLUMNS[i].address))
			return MATRIX_COLUMNS[i].sql;
	}
	return NULL;
}

int weir_field_name_is(const char *name, const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len && name[i]; i++) {
		char c = text[i] == '-' ? '_' : (char)tolower((unsigned char)text[i]);
		char n = name[i] == '-' ? '_' : name[i];

		if (c != n)
			return 0;
	}
	return i == len && !name[i];
}

unsigned weir_field_find(const char *name, size_t len)
{
	unsigned id;

	for (id = 0; id < WEIR_FIELDS; id++) {
		const char *own = id < WEIR_COLUMNS ? weir_columns[id].name : COMPUTED[id - WEIR_COLUMNS].name;

		if (weir_field_name_is(own, name, len))
			break;
	}
	return id;
}
