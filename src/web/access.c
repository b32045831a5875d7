/* Who asks: sessions, tokens, a trusted proxy's word; and the routes that have to do with it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "web/call.h"

#define COOKIE	       "weir_session"
#define LOOK_NS	       WEIR_NS_PER_S /* how often the file of users is looked at */
#define PASSWORDS_MAX  16	     /* that may wait to be looked at */

static int64_t mono_ns(const struct weir_web *web)
{
	return weir_clock_mono_ns(web->options.clock);
}

/* --- users ------------------------------------------------------------------------------------------------ */

/* Read the file again where it changed; with the lock. What cannot be read leaves all as it was. */
static void look_at_users(struct weir_web *web)
{
	struct weir_web_users users;
	struct weir_error err = {0};
	struct stat st = {0};
	int64_t mtime_ns;

	if (web->users_looked_ns && mono_ns(web) - web->users_looked_ns < LOOK_NS)
		return;
	web->users_looked_ns = mono_ns(web);
	if (stat(web->options.users_path, &st) && errno != ENOENT)
		return;
	mtime_ns = (int64_t)st.st_mtim.tv_sec * WEIR_NS_PER_S + st.st_mtim.tv_nsec + (int64_t)st.st_ino;
	if (mtime_ns == web->users_mtime_ns && st.st_size == web->users_size)
		return;
	if (weir_web_users_read(web->options.users_path, &users, &err)) {
		weir_log(web->options.log, WEIR_LOG_WARN, "the users are as they were before: %s: %s", err.where, err.what);
	} else {
		weir_web_users_done(&web->users);
		web->users = users;
	}
	web->users_mtime_ns = mtime_ns;
	web->users_size = st.st_size;
}

static bool is_proxied(const struct weir_web *web)
{
	return *web->options.config->web_proxy_user_header && web->options.config->web_proxy_from.count;
}

/* With the lock. */
static bool needs_user(struct weir_web *web)
{
	bool loopback = true;

	for (unsigned i = 0; i < web->options.config->web_listen.count; i++)
		loopback = loopback && weir_web_is_loopback(web->options.config->web_listen.item[i]);
	look_at_users(web);
	return web->users.count || is_proxied(web) || !loopback;
}

bool weir_web_has_users(struct weir_web *web)
{
	bool needed;

	(void)pthread_mutex_lock(&web->lock);
	needed = needs_user(web);
	(void)pthread_mutex_unlock(&web->lock);
	return needed;
}

/* --- who -------------------------------------------------------------------------------------------------- */

static void by_token(struct weir_web_call *call, const char *secret)
{
	char hash[WEIR_WEB_SECRET_TEXT];
	const struct weir_web_user *user;

	weir_web_secret_hash(secret, hash);
	user = weir_web_users_token(&call->web->users, hash);
	if (!user)
		return;
	call->who = (struct weir_web_who){.role = user->role, .means = WEIR_WEB_BY_TOKEN};
	(void)snprintf(call->who.name, sizeof(call->who.name), "token:%s", user->name);
}

static bool by_session(struct weir_web_call *call)
{
	char secret[WEIR_WEB_SECRET_TEXT];
	const struct weir_web_user *user;
	struct weir_web_session *s;

	if (!weir_web_cookie(call->head.cookie, COOKIE, secret))
		return false;
	s = weir_web_sessions_find(&call->web->sessions, secret, mono_ns(call->web));
	user = s ? weir_web_users_find(&call->web->users, WEIR_WEB_USER, s->user) : NULL;
	if (s && (!user || !weir_web_same(user->secret, s->password))) {
		weir_web_sessions_end(s); /* the user is gone, or has another password */
		return false;
	}
	if (!s)
		return false;
	call->who = (struct weir_web_who){.role = user->role, .means = WEIR_WEB_BY_SESSION};
	(void)snprintf(call->who.name, sizeof(call->who.name), "%s", user->name);
	memcpy(call->who.csrf, s->csrf, sizeof(call->who.csrf));
	return true;
}

static void by_proxy(struct weir_web_call *call)
{
	const struct weir_web_user *user;

	if (!call->head.proxy_user || !weir_web_name_is_right(call->head.proxy_user))
		return;
	user = weir_web_users_find(&call->web->users, WEIR_WEB_USER, call->head.proxy_user);
	call->who.role = user ? user->role : weir_web_role_find(call->web->options.config->web_proxy_role);
	call->who.means = WEIR_WEB_BY_PROXY;
	(void)snprintf(call->who.name, sizeof(call->who.name), "%s", call->head.proxy_user);
	weir_web_secret_sign(call->web->proxy_key, call->who.name, call->who.csrf);
}

void weir_web_identify(struct weir_web_call *call)
{
	struct weir_web *web = call->web;
	const char *bearer = weir_web_bearer(call->head.authorization);

	call->who = (struct weir_web_who){.role = WEIR_WEB_NOBODY};
	(void)pthread_mutex_lock(&web->lock);
	if (!needs_user(web))
		call->who = (struct weir_web_who){.role = WEIR_WEB_ADMINISTRATOR, .means = WEIR_WEB_BY_OPEN};
	else if (bearer)
		by_token(call, bearer);
	else if (!by_session(call))
		by_proxy(call);
	(void)pthread_mutex_unlock(&web->lock);
}

void weir_web_audit(struct weir_web_call *call, const char *action, const char *result, const char *detail)
{
	const struct weir_web_audit_entry entry = {
		.time_ms = weir_clock_wall_ns(call->web->options.clock) / WEIR_NS_PER_MS,
		.user = call->who.name,
		.from = call->peer_text,
		.action = action,
		.result = result,
		.detail = detail,
	};
	int rc = weir_web_audit_write(&call->web->audit, &entry);

	if (rc)
		weir_log(call->web->options.log, WEIR_LOG_ERROR, "the audit log cannot be written: %s", strerror(-rc));
}

/* --- sessions --------------------------------------------------------------------------------------------- */

static int put_session(struct weir_web_call *call)
{
	struct weir_json json = weir_web_begin_json(call);
	bool needed = weir_web_has_users(call->web);

	weir_json_bool(&json, "authenticated", call->who.role != WEIR_WEB_NOBODY);
	weir_json_text(&json, "user", call->who.name);
	weir_json_text(&json, "role", weir_web_role_name(call->who.role));
	if (*call->who.csrf)
		weir_json_text(&json, "csrf", call->who.csrf);
	weir_json_text(&json, "login", !needed ? "none" : call->who.means == WEIR_WEB_BY_PROXY ? "proxy" : "password");
	weir_json_text(&json, "version", call->web->options.version);
	weir_json_signed(&json, "now_ms", weir_clock_wall_ns(call->web->options.clock) / WEIR_NS_PER_MS);
	weir_json_open(&json, "features", '{');
	weir_json_bool(&json, "events", true);
	weir_json_bool(&json, "matrix", true);
	weir_json_close(&json, '}');
	return weir_web_end_json(call, &json);
}

int weir_web_get_session(struct weir_web_call *call)
{
	return put_session(call);
}

static void set_cookie(struct weir_web_call *call, const char *secret)
{
	(void)snprintf(call->answer.cookie, sizeof(call->answer.cookie), COOKIE "=%s; Path=/; HttpOnly; SameSite=Strict%s%s", secret,
		       call->tls ? "; Secure" : "", *secret ? "" : "; Max-Age=0");
}

static unsigned wait_s(struct weir_web_call *call, const char *name)
{
	unsigned seconds;

	(void)pthread_mutex_lock(&call->web->lock);
	look_at_users(call->web);
	seconds = weir_web_limiter_wait_s(&call->web->limiter, &call->peer, name, mono_ns(call->web));
	(void)pthread_mutex_unlock(&call->web->lock);
	return seconds;
}

/* Is it the user's? The user as it was then is copied. */
static bool password_is_right(struct weir_web_call *call, const char *name, const char *password, struct weir_web_user *ret_user)
{
	struct weir_web *web = call->web;
	const struct weir_web_user *user;
	bool known, right;

	(void)pthread_mutex_lock(&web->lock);
	user = weir_web_users_find(&web->users, WEIR_WEB_USER, name);
	known = user && strcmp(user->secret, "-") != 0;
	if (known)
		*ret_user = *user;
	(void)pthread_mutex_unlock(&web->lock);
	(void)pthread_mutex_lock(&web->password_lock);
	right = known && weir_web_password_is(password, ret_user->secret);
	if (!known)
		weir_web_password_waste(password);
	(void)pthread_mutex_unlock(&web->password_lock);
	return right;
}

static int refuse(struct weir_web_call *call, const char *name)
{
	(void)pthread_mutex_lock(&call->web->lock);
	weir_web_limiter_failed(&call->web->limiter, &call->peer, name, mono_ns(call->web));
	(void)pthread_mutex_unlock(&call->web->lock);
	atomic_fetch_add(&call->web->login_failures, 1);
	weir_web_audit(call, "log-in", "refused", name);
	return weir_error_set(&call->err, -EACCES, NULL, NULL, "the name or the password is wrong");
}

static int too_many(struct weir_web_call *call, unsigned seconds)
{
	call->answer.retry_after_s = seconds;
	return weir_error_set(&call->err, -EAGAIN, NULL, "wait", "too many failed attempts: try again in %u s", seconds);
}

static int begin_session(struct weir_web_call *call, const struct weir_web_user *user)
{
	char secret[WEIR_WEB_SECRET_TEXT];
	struct weir_web_session *session;
	int rc;

	(void)pthread_mutex_lock(&call->web->lock);
	weir_web_limiter_succeeded(&call->web->limiter, &call->peer, user->name);
	rc = weir_web_sessions_add(&call->web->sessions, user, mono_ns(call->web), secret, &session);
	if (!rc) {
		call->who = (struct weir_web_who){.role = user->role, .means = WEIR_WEB_BY_SESSION};
		(void)snprintf(call->who.name, sizeof(call->who.name), "%s", user->name);
		memcpy(call->who.csrf, session->csrf, sizeof(call->who.csrf));
		set_cookie(call, secret);
	}
	(void)pthread_mutex_unlock(&call->web->lock);
	return rc;
}

int weir_web_log_in(struct weir_web_call *call)
{
	const char *name = weir_web_text(&call->parameters, "name");
	struct weir_web_user user;
	unsigned seconds;
	bool right;
	int rc;

	if (call->who.means == WEIR_WEB_BY_OPEN)
		return put_session(call); /* there is nothing to log in to */
	seconds = wait_s(call, name);
	if (seconds)
		return too_many(call, seconds);
	if (atomic_fetch_add(&call->web->password_waiting, 1) >= PASSWORDS_MAX) {
		atomic_fetch_sub(&call->web->password_waiting, 1);
		return too_many(call, 1);
	}
	right = password_is_right(call, name, weir_web_text(&call->parameters, "password"), &user);
	atomic_fetch_sub(&call->web->password_waiting, 1);
	if (!right)
		return refuse(call, name);
	rc = begin_session(call, &user);
	if (rc)
		return rc;
	atomic_fetch_add(&call->web->logins, 1);
	weir_web_audit(call, "log-in", "ok", NULL);
	return put_session(call);
}

int weir_web_log_out(struct weir_web_call *call)
{
	char secret[WEIR_WEB_SECRET_TEXT];
	struct weir_web_session *session;

	if (call->who.means == WEIR_WEB_BY_SESSION && weir_web_cookie(call->head.cookie, COOKIE, secret)) {
		(void)pthread_mutex_lock(&call->web->lock);
		session = weir_web_sessions_find(&call->web->sessions, secret, mono_ns(call->web));
		if (session)
			weir_web_sessions_end(session);
		(void)pthread_mutex_unlock(&call->web->lock);
		weir_web_audit(call, "log-out", "ok", NULL);
		set_cookie(call, "");
		weir_web_identify(call);
		call->who.role = weir_web_has_users(call->web) ? WEIR_WEB_NOBODY : call->who.role;
		call->who.name[0] = call->who.csrf[0] = '\0';
	}
	return put_session(call);
}

int weir_web_get_audit(struct weir_web_call *call)
{
	struct weir_json json = weir_web_begin_json(call);
	int rc;

	weir_json_open(&json, "entries", '[');
	rc = json.rc ? json.rc
		     : weir_web_audit_read(&call->web->audit, (unsigned)weir_web_number(&call->parameters, "limit"), json.out);
	if (rc)
		return weir_error_set(&call->err, rc, NULL, NULL, "the audit log cannot be read: %s", strerror(-rc));
	weir_json_close(&json, ']');
	return weir_web_end_json(call, &json);
}
