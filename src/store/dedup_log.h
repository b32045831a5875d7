/* Makes the engine's deduplication logs tell the truth after a kill. One call, before the engine opens the folder. */
#ifndef WEIR_STORE_DEDUP_LOG_H
#define WEIR_STORE_DEDUP_LOG_H

#include "base/error.h"

/* Take the entries of parts that are not there out of the logs of all tables in engine_folder (the engine's --path).
 * scratch: an existing folder of the same file system, for the new files before they take their places. ret_removed:
 * how many entries went. A log or a line that cannot be understood stays as it is. */
int weir_dedup_log_mend(const char *engine_folder, const char *scratch, unsigned *ret_removed, struct weir_error *err)
	WEIR_MUST_CHECK;

#endif
