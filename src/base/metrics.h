/* What a role counts, as Prometheus text: each role writes DATA/run/<role>.prom once a second, replaced
 * atomically; `weir status` reads these files, and an endpoint hands them out as they are. One form for both.
 *
 *   weir_metrics_counter(&text, "weir_collect_datagrams_total", "Datagrams received", NULL, n);
 *
 * labels is what stands between the braces (`fault="template_missing"`) or NULL; values in it must not hold
 * quotes, backslashes or newlines unless escaped by weir_metrics_label(). The HELP and TYPE lines are written
 * when help is not NULL: pass it with the first line of a family only. */
#ifndef WEIR_BASE_METRICS_H
#define WEIR_BASE_METRICS_H

#include <stdint.h>

#include "base/buffer.h"

int weir_metrics_counter(struct weir_buffer *out, const char *name, const char *help, const char *labels,
			 uint64_t value) WEIR_MUST_CHECK;
int weir_metrics_gauge(struct weir_buffer *out, const char *name, const char *help, const char *labels,
		       double value) WEIR_MUST_CHECK;
/* Append name="value" to out, escaped. */
int weir_metrics_label(struct weir_buffer *out, const char *name, const char *value) WEIR_MUST_CHECK;
/* Replace the file at path (write to a temporary name beside it, rename). Not synced: it is not data. */
int weir_metrics_publish(const char *path, const struct weir_buffer *text, struct weir_error *err) WEIR_MUST_CHECK;

#endif
