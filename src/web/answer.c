/* From a request's head to the bytes of its answer: may it come in, which route is it, who asks, are its parameters
 * right; then the route's handler. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "web/call.h"
#include "web/page.h"

#define TIMEOUT_EXCEEDED 159
#define TOO_SLOW	 160
#define PACK_MIN	 1024 /* bytes of an answer that is worth it */
#define PACK_LEVEL	 1    /* two thirds of what the best does, in a fifth of the time */
#define GZIP_WINDOW	 31   /* zlib's way to say gzip */

void weir_web_call_init(struct weir_web_call *call, struct weir_web *web)
{
	*call = (struct weir_web_call){.web = web, .client_fd = -1, .answer = {.status = 200, .file_fd = -1}};
	weir_web_parameters_init(&call->parameters);
	weir_buffer_init(&call->answer.body);
}

void weir_web_call_done(struct weir_web_call *call)
{
	weir_web_query_end(call->query);
	weir_web_parameters_done(&call->parameters);
	weir_buffer_done(&call->answer.body);
	if (call->answer.file_fd >= 0)
		(void)close(call->answer.file_fd);
}

/* --- failures --------------------------------------------------------------------------------------------- */

static const struct failure {
	int rc;
	unsigned status;
	const char *code;
} FAILURES[] = {
	{-EINVAL, 400, "bad_parameter"},    {-EEXIST, 400, "bad_parameter"},	{-EACCES, 401, "unauthenticated"},
	{-EPERM, 403, "forbidden"},	    {-ENOENT, 404, "not_found"},	{-EOPNOTSUPP, 405, "method_not_allowed"},
	{-ECANCELED, 409, "cancelled"},	    {-E2BIG, 413, "too_large"},		{-EFBIG, 413, "too_large"},
	{-EMEDIUMTYPE, 415, "bad_body"},    {-EREMOTEIO, 422, "store_refused"}, {-EAGAIN, 429, "too_many"},
	{-EBUSY, 503, "too_many"},	    {-ENOSYS, 501, "not_implemented"},	{-ECONNREFUSED, 503, "store_down"},
	{-EHOSTUNREACH, 503, "store_down"}, {-ECONNRESET, 503, "store_down"},	{-EPROTO, 503, "store_down"},
	{-ETIMEDOUT, 504, "timeout"},	    {0, 500, "internal"}, /* the last: all others */
};

static const struct failure *failure_of(const struct weir_web_call *call, int rc)
{
	static const struct failure timeout = {-ETIMEDOUT, 504, "timeout"};
	const struct failure *f = FAILURES;
	int code = call->query ? weir_web_query_code(call->query) : 0;

	if (rc == -EREMOTEIO && (code == TIMEOUT_EXCEEDED || code == TOO_SLOW))
		return &timeout;
	while (f->rc && f->rc != rc)
		f++;
	return f;
}

void weir_web_fail(struct weir_web_call *call, int rc)
{
	const struct failure *f = failure_of(call, rc);
	struct weir_web_answer *a = &call->answer;
	struct weir_json json = {.out = &a->body};

	if (a->file_fd >= 0)
		(void)close(a->file_fd);
	a->file_fd = -1;
	a->file_bytes = 0;
	a->file_name[0] = '\0';
	a->fixed = NULL;
	weir_buffer_reset(&a->body);
	a->status = f->status;
	a->type = "application/json";
	weir_json_open(&json, NULL, '{');
	weir_json_open(&json, "error", '{');
	weir_json_text(&json, "code", call->code ? call->code : f->code);
	weir_json_text(&json, "message", *call->err.what ? call->err.what : strerror(rc < 0 ? -rc : EIO));
	if (*call->err.next)
		weir_json_text(&json, "next", call->err.next);
	if (*call->err.where)
		weir_json_text(&json, "where", call->err.where);
	if (call->has_place) {
		weir_json_whole(&json, "at", call->at);
		weir_json_whole(&json, "len", call->len);
	}
	if (a->retry_after_s)
		weir_json_whole(&json, "retry_after_s", a->retry_after_s);
	weir_json_close(&json, '}');
	if (call->query)
		weir_web_query_json(call->query, &json);
	weir_json_close(&json, '}');
	if (json.rc)
		weir_buffer_reset(&a->body);
}

/* --- routes ----------------------------------------------------------------------------------------------- */

/* Does the path fit, "{name}" for one segment? *ret_segment is that segment. */
static bool fits(const char *pattern, const char *path, const char **ret_name, size_t *ret_name_len, const char **ret_segment,
		 size_t *ret_len)
{
	while (*pattern && *path) {
		if (*pattern == '{') {
			*ret_name = pattern + 1;
			*ret_name_len = strcspn(pattern + 1, "}");
			*ret_segment = path;
			*ret_len = strcspn(path, "/");
			if (!*ret_len)
				return false;
			pattern += *ret_name_len + 2;
			path += *ret_len;
		} else if (*pattern++ != *path++) {
			return false;
		}
	}
	return !*pattern && !*path;
}

static bool method_fits(const struct weir_web_route *route, const char *method)
{
	if (strcmp(route->method, method) == 0)
		return true;
	if (strcmp(route->method, "GET") != 0)
		return false;
	return strcmp(method, "HEAD") == 0 || (route->posts && strcmp(method, "POST") == 0);
}

/* 0; -ENOENT; -EOPNOTSUPP where only the method does not fit; -EINVAL. */
static int find_route(struct weir_web_call *call)
{
	const char *path = call->head.path;
	int rc = -ENOENT;

	for (const struct weir_web_route *route = weir_web_routes; route->path; route++) {
		const char *name = NULL;
		const char *segment = NULL;
		size_t name_len = 0;
		size_t len = 0;
		struct weir_buffer decoded;

		if (!fits(route->path, path, &name, &name_len, &segment, &len))
			continue;
		rc = -EOPNOTSUPP;
		if (!method_fits(route, call->head.method))
			continue;
		call->route = route;
		if (!name)
			return 0;
		weir_buffer_init(&decoded);
		rc = weir_web_decode(segment, len, false, &decoded);
		if (!rc)
			rc = weir_web_parameters_add(&call->parameters, name, name_len, (const char *)decoded.data, decoded.len,
						     &call->err);
		else
			rc = weir_error_set(&call->err, rc, NULL, NULL, "the path is not percent-encoded as it should be");
		weir_buffer_done(&decoded);
		return rc;
	}
	if (rc == -EOPNOTSUPP)
		return weir_error_set(&call->err, rc, NULL, "doc/openapi.yaml has what there is", "this path does not take %.16s",
				      call->head.method);
	return weir_error_set(&call->err, rc, NULL, "doc/openapi.yaml has what there is", "there is nothing at this path");
}

static int check_role(struct weir_web_call *call)
{
	if (call->who.role >= call->route->role)
		return 0;
	if (call->who.role == WEIR_WEB_NOBODY)
		return weir_error_set(&call->err, -EACCES, NULL, "log in, or send a token", "this needs a user");
	weir_web_audit(call, call->route->name, "refused", NULL);
	return weir_error_set(&call->err, -EPERM, NULL, NULL, "this needs the role %s, and you are %s",
			      weir_web_role_name(call->route->role), weir_web_role_name(call->who.role));
}

static bool is_get(const struct weir_web_call *call)
{
	return strcmp(call->head.method, "GET") == 0 || strcmp(call->head.method, "HEAD") == 0;
}

/* A cookie, and a proxy's own, are sent by the browser whoever made the request. */
static int check_csrf(struct weir_web_call *call)
{
	bool by_itself = call->who.means == WEIR_WEB_BY_SESSION || call->who.means == WEIR_WEB_BY_PROXY;

	if (is_get(call) || !by_itself || call->route->handle == weir_web_log_in)
		return 0;
	if (call->head.csrf && weir_web_same(call->head.csrf, call->who.csrf))
		return 0;
	return weir_error_set(&call->err, -EPERM, "X-Weir-CSRF", "take it from GET /api/v1/session",
			      "the header is missing, or is of another session");
}

static int take_parameters(struct weir_web_call *call)
{
	int rc = weir_web_parameters_url(&call->parameters, call->head.query, &call->err);

	if (!rc && strcmp(call->head.method, "POST") == 0) {
		if (!weir_web_is_json(call->head.content_type))
			return weir_error_set(&call->err, -EMEDIUMTYPE, "Content-Type", "send application/json",
					      "the body's type is not JSON");
		rc = weir_web_parameters_json(&call->parameters, call->body, call->body_len, &call->err);
		if (rc == -EINVAL && strcmp(call->err.where, "body") == 0)
			call->code = "bad_body";
	}
	return rc ? rc : weir_web_parameters_check(&call->parameters, call->route->parameters, &call->err);
}

static int answer_route(struct weir_web_call *call)
{
	int rc;

	call->answer.type = "application/json";
	if (!weir_web_origin_is_ours(&call->head))
		return weir_error_set(&call->err, -EPERM, "Origin", NULL, "this request comes from another site's page");
	rc = find_route(call);
	if (rc)
		return rc;
	weir_web_identify(call);
	rc = check_role(call);
	if (!rc)
		rc = check_csrf(call);
	if (!rc)
		rc = take_parameters(call);
	return rc ? rc : call->route->handle(call);
}

/* --- the page --------------------------------------------------------------------------------------------- */

static const char NO_PAGE[] =
	"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>weir</title><h1>weir</h1>"
	"<p>This program was built without its page: node and npm were missing, or the build of the page failed. "
	"Install nodejs (18 or newer) and npm, and build again.</p>"
	"<p>The interface works all the same: <a href=\"/api/v1/status\">/api/v1/status</a>, "
	"<a href=\"/metrics\">/metrics</a>; doc/openapi.yaml describes it.</p></html>\n";

/* Is gzip in the list, and not with the weight 0 (RFC 9110, 12.5.3)? What "*" would allow is sent as it is. */
static bool accepts_gzip(const char *header)
{
	for (const char *at = header; at && *at; at += strcspn(at, ","), at += *at == ',') {
		const char *weight;
		size_t len;

		at += strspn(at, " \t");
		len = strcspn(at, ",; \t");
		if (len != 4 || strncasecmp(at, "gzip", len) != 0)
			continue;
		weight = at + len + strspn(at + len, " \t");
		if (*weight != ';')
			return true;
		weight += 1 + strspn(weight + 1, " \t");
		return strncasecmp(weight, "q=0", 3) != 0 || strcspn(weight + 3, "123456789") < strcspn(weight + 3, ",");
	}
	return false;
}

static int answer_page(struct weir_web_call *call)
{
	const struct weir_web_asset *asset = weir_web_asset_find(call->head.path);
	struct weir_web_answer *a = &call->answer;

	if (!is_get(call))
		return weir_error_set(&call->err, -EOPNOTSUPP, NULL, NULL, "this path does not take %.16s", call->head.method);
	if (!asset && !weir_web_has_page() && !strchr(call->head.path, '.')) {
		a->type = "text/html; charset=utf-8";
		a->fixed = NO_PAGE;
		a->fixed_len = sizeof(NO_PAGE) - 1;
		return 0;
	}
	if (!asset)
		return weir_error_set(&call->err, -ENOENT, NULL, NULL, "there is nothing at this path");
	a->type = asset->type;
	a->etag = asset->etag;
	a->cache = asset->named_by_content ? "public, max-age=31536000, immutable" : "no-cache";
	if (call->head.if_none_match && strstr(call->head.if_none_match, asset->etag)) {
		a->status = 304;
		return 0;
	}
	a->fixed = asset->data;
	a->fixed_len = (size_t)(asset->data_end - asset->data);
	if (asset->gzip && accepts_gzip(call->head.accept_encoding)) {
		a->fixed = asset->gzip;
		a->fixed_len = (size_t)(asset->gzip_end - asset->gzip);
		a->encoding = "gzip";
	}
	return 0;
}

/* --- compression ------------------------------------------------------------------------------------------ */

/* *ret_packed is the caller's. */
static int pack(const struct weir_buffer *body, struct weir_buffer *ret_packed)
{
	z_stream z = {0};
	int rc;

	weir_buffer_init(ret_packed);
	if (deflateInit2(&z, PACK_LEVEL, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	rc = weir_buffer_reserve(ret_packed, deflateBound(&z, body->len));
	if (!rc) {
		z.next_in = body->data;
		z.avail_in = (uInt)body->len;
		z.next_out = ret_packed->data;
		z.avail_out = (uInt)ret_packed->cap;
		rc = deflate(&z, Z_FINISH) == Z_STREAM_END ? 0 : -EIO;
		ret_packed->len = z.total_out;
	}
	(void)deflateEnd(&z);
	return rc;
}

/* Beside what a stranger may choose, the length of what is compressed would tell of the session's secret. */
static bool has_secret(const struct weir_web_route *route)
{
	return route && (route->handle == weir_web_get_session || route->handle == weir_web_log_in);
}

/* Answers in memory; those that went to a file are streams to a script. */
static void compress_answer(struct weir_web_call *call)
{
	struct weir_web_answer *a = &call->answer;
	struct weir_buffer packed;

	if (a->fixed || a->file_fd >= 0 || a->body.len < PACK_MIN || a->body.len > UINT32_MAX / 2 || has_secret(call->route) ||
	    !accepts_gzip(call->head.accept_encoding))
		return;
	if (pack(&a->body, &packed) == 0 && packed.len < a->body.len) {
		struct weir_buffer plain = a->body;

		a->body = packed;
		packed = plain;
		a->encoding = "gzip";
	}
	weir_buffer_done(&packed);
}

static bool is_route(const char *path)
{
	static const char *const ROUTES[] = {"/healthz", "/readyz", "/metrics"};

	for (size_t i = 0; i < sizeof(ROUTES) / sizeof(ROUTES[0]); i++) {
		if (strcmp(path, ROUTES[i]) == 0)
			return true;
	}
	return strncmp(path, "/api/", 5) == 0 || strcmp(path, "/api") == 0;
}

void weir_web_answer(struct weir_web_call *call)
{
	const struct weir_config *config = call->web->options.config;
	const struct weir_web_names names = {.item = config->web_names.item, .count = config->web_names.count};
	int64_t start_ns = weir_clock_mono_ns(call->web->options.clock);
	int rc;

	if (!weir_web_host_is_ours(call->head.host, &names))
		rc = weir_error_set(&call->err, -EPERM, "Host", "use the address, or add the name to web.names",
				    "this server is not known by the name \"%.100s\"", call->head.host ? call->head.host : "");
	else if (is_route(call->head.path))
		rc = answer_route(call);
	else
		rc = answer_page(call);
	if (rc)
		weir_web_fail(call, rc);
	compress_answer(call);
	if (call->query)
		(void)snprintf(call->answer.query_id, sizeof(call->answer.query_id), "%s", weir_web_query_id(call->query));
	if (is_route(call->head.path))
		atomic_fetch_add(&call->web->api_ns, (uint64_t)(weir_clock_mono_ns(call->web->options.clock) - start_ns));
	atomic_fetch_add(&call->web->requests[call->answer.status / 100 % 6], 1);
}
