/* What a request's head says of where it comes from: the checks that keep pages of other sites away. Pure; any thread.
 *
 * A browser on the administrator's machine reaches a server on loopback for every page that it shows. Three things
 * keep such pages out: the Host header must be an address or a name that was configured (a name of their own that they had
 * point here is refused: DNS rebinding), Origin and Sec-Fetch-Site must be ours where a browser sends them, and whatever
 * changes something needs a body of JSON or a header, which a page of another site may not send unasked (the Fetch standard's
 * preflight, which is never granted). */
#ifndef WEIR_WEB_GUARD_H
#define WEIR_WEB_GUARD_H

#include <stdbool.h>
#include <stddef.h>

#include "flow/addr.h"

/* NULL where a header was not sent. Borrowed. */
struct weir_web_head {
	const char *method;
	const char *path; /* as sent, without the query string */
	const char *query;
	const char *host;
	const char *origin;
	const char *fetch_site;
	const char *cookie;
	const char *authorization;
	const char *csrf;
	const char *content_type;
	const char *if_none_match;
	const char *accept_encoding;
	const char *proxy_user;
	const char *forwarded_for;
};

struct weir_web_names {
	char *const *item; /* borrowed */
	unsigned count;
};

/* A loopback name or any address, with or without a port, or one of the names. */
bool weir_web_host_is_ours(const char *host, const struct weir_web_names *names);
/* No Origin, or one of the same host and port; no Sec-Fetch-Site, or one of this page or of none. */
bool weir_web_origin_is_ours(const struct weir_web_head *head);
bool weir_web_is_json(const char *content_type);

#define WEIR_WEB_SECRET_TEXT 65 /* 32 bytes in hexadecimal, and a NUL */

/* The value of a cookie that is 64 hexadecimal digits; false for all else. */
bool weir_web_cookie(const char *header, const char *name, char ret_value[WEIR_WEB_SECRET_TEXT]);
/* What stands behind "Bearer "; NULL where there is none. */
const char *weir_web_bearer(const char *authorization);

/* "192.0.2.0/24", "2001:db8::1": does the prefix hold the address? */
bool weir_web_prefix_holds(const char *prefix, const struct weir_addr *addr);
/* The last address of X-Forwarded-For, which the trusted proxy itself wrote. */
bool weir_web_forwarded(const char *header, struct weir_addr *ret_addr);

/* In time that does not tell where they differ. */
bool weir_web_same(const char *a, const char *b);

#endif
