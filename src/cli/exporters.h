/* `weir status --exporters`: each exporter's account, and what is wrong with it. */
#ifndef WEIR_CLI_EXPORTERS_H
#define WEIR_CLI_EXPORTERS_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "collect/report.h"

#define WEIR_EXPORTERS_FILE "exporters.tsv" /* in DATA/run */

/* 0 when nothing is wrong with any exporter, 1 when something is. Negative: err. */
int weir_exporters_print(const char *data_dir, bool json, struct weir_buffer *out, struct weir_error *err) WEIR_MUST_CHECK;

#endif
