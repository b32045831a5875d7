/* The targets of notify.to: for `weir notify`, `weir run` and `weir config check`. One thread. */
#ifndef WEIR_CLI_NOTIFY_H
#define WEIR_CLI_NOTIFY_H

#include "config/config.h"
#include "notify/target.h"

struct weir_targets {
	struct weir_notify_target *target; /* owned; they point into themselves */
	unsigned count;
};

/* Reads the files of secrets that they name as well. */
int weir_targets_read(const struct weir_config *config, struct weir_targets *ret_targets, struct weir_error *err) WEIR_MUST_CHECK;
void weir_targets_done(struct weir_targets *targets);
/* Targets that the spool keeps events for and that are gone from the configuration: it keeps none for them any more. */
void weir_targets_forget_others(const char *spool_dir, const struct weir_targets *targets);

#endif
