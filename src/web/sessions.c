#include "web/sessions.h"

#include <string.h>

static bool is_over(const struct weir_web_sessions *sessions, const struct weir_web_session *s, int64_t now_ns)
{
	return !*s->hash || now_ns - s->used_ns > sessions->idle_ns || now_ns - s->start_ns > sessions->age_ns;
}

int weir_web_sessions_add(struct weir_web_sessions *sessions, const struct weir_web_user *user, int64_t now_ns,
			  char ret_secret[WEIR_WEB_SECRET_TEXT], struct weir_web_session **ret_session)
{
	struct weir_web_session *place = &sessions->session[0];
	struct weir_web_session made = {.start_ns = now_ns, .used_ns = now_ns};
	char secret[WEIR_WEB_SECRET_TEXT];
	int rc;

	for (unsigned i = 0; i < WEIR_WEB_SESSIONS_MAX; i++) {
		struct weir_web_session *s = &sessions->session[i];

		if (is_over(sessions, s, now_ns)) {
			place = s;
			break;
		}
		if (s->used_ns < place->used_ns)
			place = s;
	}
	rc = weir_web_secret_new(secret);
	if (!rc)
		rc = weir_web_secret_new(made.csrf);
	if (rc)
		return rc;
	weir_web_secret_hash(secret, made.hash);
	memcpy(made.user, user->name, sizeof(made.user));
	memcpy(made.password, user->secret, sizeof(made.password));
	*place = made;
	memcpy(ret_secret, secret, sizeof(secret));
	*ret_session = place;
	return 0;
}

struct weir_web_session *weir_web_sessions_find(struct weir_web_sessions *sessions, const char *secret, int64_t now_ns)
{
	char hash[WEIR_WEB_SECRET_TEXT];

	weir_web_secret_hash(secret, hash);
	for (unsigned i = 0; i < WEIR_WEB_SESSIONS_MAX; i++) {
		struct weir_web_session *s = &sessions->session[i];

		if (!*s->hash || !weir_web_same(s->hash, hash))
			continue;
		if (is_over(sessions, s, now_ns))
			return NULL;
		s->used_ns = now_ns;
		return s;
	}
	return NULL;
}

void weir_web_sessions_end(struct weir_web_session *session)
{
	*session = (struct weir_web_session){0};
}

unsigned weir_web_sessions_count(const struct weir_web_sessions *sessions, int64_t now_ns)
{
	unsigned n = 0;

	for (unsigned i = 0; i < WEIR_WEB_SESSIONS_MAX; i++)
		n += !is_over(sessions, &sessions->session[i], now_ns);
	return n;
}
