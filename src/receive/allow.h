/* Which exporters may talk: a list of networks and addresses. Constant once made: any thread. */
#ifndef WEIR_RECEIVE_ALLOW_H
#define WEIR_RECEIVE_ALLOW_H

#include <stdbool.h>

#include "base/error.h"
#include "flow/addr.h"

struct weir_allow;

/* "192.0.2.0/24", "2001:db8::/32", "192.0.2.1": bits behind the prefix are ignored. */
int weir_allow_new(const char *const *list, unsigned count, struct weir_allow **ret_allow, struct weir_error *err)
	WEIR_MUST_CHECK;
void weir_allow_free(struct weir_allow *allow);

/* NULL allows everybody. */
bool weir_allow_has(const struct weir_allow *allow, const struct weir_addr *addr);

#endif
