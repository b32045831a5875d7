/* Sessions of people who logged in, in memory: a restart ends them. Only a hash of the cookie's secret is kept. When there
 * is no room the one that was used longest ago goes. The caller locks; times are the monotonic clock's. */
#ifndef WEIR_WEB_SESSIONS_H
#define WEIR_WEB_SESSIONS_H

#include <stdint.h>

#include "web/users.h"

#define WEIR_WEB_SESSIONS_MAX 1024

struct weir_web_session {
	char hash[WEIR_WEB_SECRET_TEXT]; /* "": free */
	char csrf[WEIR_WEB_SECRET_TEXT];
	char user[WEIR_WEB_NAME_MAX + 1];
	char password[WEIR_WEB_HASH_MAX]; /* as it was kept at log-in: with another one the session is over */
	int64_t start_ns;
	int64_t used_ns;
};

struct weir_web_sessions {
	int64_t idle_ns; /* over after so long without a request */
	int64_t age_ns;	 /* and after so long in any case */
	struct weir_web_session session[WEIR_WEB_SESSIONS_MAX];
};

/* A new session; *ret_secret is for the cookie. The pointer is valid until the next call. */
int weir_web_sessions_add(struct weir_web_sessions *sessions, const struct weir_web_user *user, int64_t now_ns,
			  char ret_secret[WEIR_WEB_SECRET_TEXT], struct weir_web_session **ret_session) WEIR_MUST_CHECK;
/* By the cookie's secret; NULL where there is none, or it is over. */
struct weir_web_session *weir_web_sessions_find(struct weir_web_sessions *sessions, const char *secret, int64_t now_ns);
void weir_web_sessions_end(struct weir_web_session *session);
unsigned weir_web_sessions_count(const struct weir_web_sessions *sessions, int64_t now_ns);

#endif
