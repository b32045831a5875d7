/* flows, bytes, packets: the three sums that every report has. Inner header of src/web. */
#ifndef WEIR_WEB_SUMS_H
#define WEIR_WEB_SUMS_H

#include "web/call.h"

struct weir_web_sums {
	uint64_t flows, bytes, packets;
};

static inline void weir_web_sums_add(struct weir_web_sums *sums, const struct weir_web_sums *more)
{
	sums->flows += more->flows;
	sums->bytes += more->bytes;
	sums->packets += more->packets;
}

/* From three cells as reports have them. */
static inline struct weir_web_sums weir_web_sums_of(const struct weir_cell *cells)
{
	return (struct weir_web_sums){weir_web_cell_number(&cells[0]), weir_web_cell_number(&cells[1]),
				      weir_web_cell_number(&cells[2])};
}

static inline void weir_web_put_sums(struct weir_json *json, const char *key, const struct weir_web_sums *sums)
{
	weir_json_open(json, key, '{');
	weir_json_whole(json, "bytes", sums->bytes);
	weir_json_whole(json, "packets", sums->packets);
	weir_json_whole(json, "flows", sums->flows);
	weir_json_close(json, '}');
}

#endif
