/* Reading the configuration again, at SIGHUP: which options are taken over while processes run, and which need a restart. */
#ifndef WEIR_CLI_RELOAD_H
#define WEIR_CLI_RELOAD_H

#include "base/log.h"
#include "config/config.h"

/* Read the file again. A mistake is logged (what is in force stays), and so are options that are other than in `before` (NULL: that is
 * nobody's matter) and need a restart. path "": there is no file, and nothing to read. */
int weir_reload_read(const struct weir_log *log, const char *path, const struct weir_config *before, struct weir_config *ret_config,
		     struct weir_error *err) WEIR_MUST_CHECK;

#endif
