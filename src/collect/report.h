/* The exporters' accounts (wire/account.h) as a file: DATA/run/exporters.tsv, replaced atomically by collect every
 * few seconds and read by `weir status --exporters`. Tab-separated values with a line of names, for it may have 65,536
 * lines and is to be read by grep and cut as well; columns are found by name, so they may be added.
 *
 * The table of fields below is the file, the keys of JSON, and what of it Prometheus gets. */
#ifndef WEIR_COLLECT_REPORT_H
#define WEIR_COLLECT_REPORT_H

#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"
#include "wire/account.h"

struct weir_reports {
	struct weir_exporter_report *report; /* owned */
	size_t count;
	size_t cap;
};

void weir_reports_done(struct weir_reports *reports);
/* The others of several decoders become one. */
int weir_reports_add(struct weir_reports *reports, const struct weir_exporter_report *report) WEIR_MUST_CHECK;
static inline bool weir_report_is_others(const struct weir_exporter_report *report)
{
	return weir_addr_is_zero(&report->addr);
}

int weir_reports_write(const struct weir_reports *reports, struct weir_buffer *out) WEIR_MUST_CHECK;
/* Lines and columns that are not understood are left out. -ENOENT: there is no such file. */
int weir_reports_read(const char *path, struct weir_reports *ret_reports, struct weir_error *err) WEIR_MUST_CHECK;
/* The inside of a JSON object, without its braces. What is not known is left out; times are RFC 3339. */
int weir_report_json(const struct weir_exporter_report *report, struct weir_buffer *out) WEIR_MUST_CHECK;

/* Prometheus: the exporters that came first, WEIR_REPORT_METRICS of them, and how many more there are. */
#define WEIR_REPORT_METRICS 256
int weir_reports_metrics(const struct weir_reports *reports, struct weir_buffer *out) WEIR_MUST_CHECK;

#endif
