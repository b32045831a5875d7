/* The reports of sql/reports, compiled in: SQL with parameters ({from_ms:Int64}), which the client sends beside it. */
#ifndef WEIR_QUERY_REPORT_TEXT_H
#define WEIR_QUERY_REPORT_TEXT_H

#include "base/embedded.h"

extern const struct weir_embedded_text weir_report_texts[];

#endif
