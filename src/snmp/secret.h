/* A community or a password: from a file or the environment, never from the configuration or a command line, and gone from memory
 * when it is done with. Owns its bytes; one thread. */
#ifndef WEIR_SNMP_SECRET_H
#define WEIR_SNMP_SECRET_H

#include <stddef.h>

#include "base/error.h"

#define WEIR_SECRET_MAX 255 /* bytes */

struct weir_secret {
	size_t len;
	char text[WEIR_SECRET_MAX + 1];
};

/* The file's first line, without blanks at its ends. -EACCES too for a file that everybody may read. */
int weir_secret_read_file(const char *path, struct weir_secret *ret_secret, struct weir_error *err) WEIR_MUST_CHECK;
int weir_secret_read_environment(const char *name, struct weir_secret *ret_secret, struct weir_error *err) WEIR_MUST_CHECK;
void weir_secret_done(struct weir_secret *secret);

#endif
