#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

int weir_error_set(struct weir_error *err, int code, const char *where, const char *next,
		   const char *what_fmt, ...)
{
	struct weir_error made = {0};
	va_list args;

	if (!err)
		return code;
	/* The arguments may point into *err: make the new one first. */
	(void)snprintf(made.where, sizeof(made.where), "%s", where ? where : "");
	(void)snprintf(made.next, sizeof(made.next), "%s", next ? next : "");
	va_start(args, what_fmt);
	(void)vsnprintf(made.what, sizeof(made.what), what_fmt, args);
	va_end(args);
	*err = made;
	return code;
}
