/* Which exporters may talk: a list of networks and addresses. Any thread may ask, while one puts another list in its place. */
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

/* Another list from now on. A mistake is err, and the old one stays in force. Old lists are kept until weir_allow_free(), for threads may be reading
 * them. */
int weir_allow_replace(struct weir_allow *allow, const char *const *list, unsigned count, struct weir_error *err) WEIR_MUST_CHECK;

/* NULL and the empty list allow everybody. */
bool weir_allow_has(const struct weir_allow *allow, const struct weir_addr *addr);

#endif
