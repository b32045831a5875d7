#include "store/request.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CODE_CANNOT_PARSE     6
#define CODE_BAD_ARGUMENTS    36
#define CODE_NOT_IMPLEMENTED  48
#define CODE_UNKNOWN_SETTING  115
#define CODE_ACCESS_DENIED    497

#define DEFAULT_FORMAT "TabSeparated"

/* --- tables ----------------------------------------------------------------------------------------------- */

/* As src/Server/HTTP of ClickHouse has it; every other code is 500. */
static const struct status_row {
	int status;
	int codes[32]; /* ended by 0 */
} STATUSES[] = {
	{400, {6, 8, 15, 25, 26, 27, 36, 37, 38, 41, 44, 53, 62, 72, 117, 123, 167, 168, 223, 321, 376, 427, 441, 675, 676}},
	{401, {194, 516}},	/* REQUIRED_PASSWORD AUTHENTICATION_FAILED */
	{403, {192, 193, 497, 512}}, /* UNKNOWN_USER WRONG_PASSWORD ACCESS_DENIED SET_NON_GRANTED_ROLE */
	{404, {46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 152, 336, 511}}, /* UNKNOWN_… */
	{408, {159}},		/* TIMEOUT_EXCEEDED */
	{411, {381}},		/* HTTP_LENGTH_REQUIRED */
	{413, {229}},		/* QUERY_IS_TOO_LARGE */
	{501, {48}},		/* NOT_IMPLEMENTED */
	{503, {76, 209, 439}},	/* CANNOT_OPEN_FILE SOCKET_TIMEOUT CANNOT_SCHEDULE_TASK */
};

static const struct coding_row {
	const char *name;
	const char *method;
} CODINGS[] = {
	[WEIR_CODING_NONE] = {NULL, NULL},	    [WEIR_CODING_LZ4] = {"lz4", "lz4"},
	[WEIR_CODING_ZSTD] = {"zstd", "zstd"},	    [WEIR_CODING_GZIP] = {"gzip", "gzip"},
	[WEIR_CODING_DEFLATE] = {"deflate", "deflate"},
};
#define CODING_COUNT (sizeof(CODINGS) / sizeof(CODINGS[0]))

static const struct content_row {
	const char *beginning; /* of the format's name */
	const char *type;
} CONTENTS[] = {
	{"JSONEachRow", "application/x-ndjson; charset=UTF-8"},
	{"JSONCompactEachRow", "application/x-ndjson; charset=UTF-8"},
	{"JSON", "application/json; charset=UTF-8"},
	{"CSV", "text/csv; charset=UTF-8"},
	{"TabSeparated", "text/tab-separated-values; charset=UTF-8"},
	{"TSV", "text/tab-separated-values; charset=UTF-8"},
	{"Native", "application/octet-stream"},
	{"RowBinary", "application/octet-stream"},
	{"Parquet", "application/octet-stream"},
	{"Arrow", "application/octet-stream"},
	{"ORC", "application/octet-stream"},
	{"Avro", "application/octet-stream"},
	{"Npy", "application/octet-stream"},
	{"BSON", "application/octet-stream"},
	{"MsgPack", "application/octet-stream"},
	{"Protobuf", "application/octet-stream"},
	{"XML", "application/xml; charset=UTF-8"},
	{"Prometheus", "text/plain; version=0.0.4; charset=UTF-8"},
	{"", "text/plain; charset=UTF-8"},
};

int weir_request_status(int code)
{
	for (size_t i = 0; i < sizeof(STATUSES) / sizeof(STATUSES[0]); i++) {
		for (const int *c = STATUSES[i].codes; *c; c++) {
			if (*c == code)
				return STATUSES[i].status;
		}
	}
	return 500;
}

const char *weir_request_content_type(const char *format, size_t len)
{
	const struct content_row *row = CONTENTS;

	while (strlen(row->beginning) > len || strncasecmp(row->beginning, format, strlen(row->beginning)) != 0)
		row++;
	return row->type;
}

const char *weir_coding_name(enum weir_coding coding)
{
	return CODINGS[coding].name;
}

const char *weir_coding_method(enum weir_coding coding)
{
	return CODINGS[coding].method;
}

static int refuse(struct weir_request_fault *fault, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int refuse(struct weir_request_fault *fault, int code, const char *fmt, ...)
{
	va_list args;

	fault->code = code;
	fault->status = weir_request_status(code);
	va_start(args, fmt);
	(void)vsnprintf(fault->text, sizeof(fault->text), fmt, args);
	va_end(args);
	return -EINVAL;
}

/* --- who may ask ------------------------------------------------------------------------------------------ */

/* The name in "name", "name:port", "[v6]:port" or "v6", in lower case without brackets. */
static void split_host(const char *text, char *ret_name, size_t size)
{
	const char *end = text + strlen(text);
	const char *colon = strrchr(text, ':');
	size_t n = 0;

	if (*text == '[') {
		text++;
		end = text + strcspn(text, "]");
	} else if (colon && strchr(text, ':') == colon) {
		end = colon;
	}
	for (; text < end && n + 1 < size; text++)
		ret_name[n++] = (char)tolower((unsigned char)*text);
	ret_name[n] = '\0';
}

static bool is_address(const char *name, bool *ret_loopback)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, name, &v4) == 1) {
		*ret_loopback = ntohl(v4.s_addr) >> 24 == 127;
		return true;
	}
	if (inet_pton(AF_INET6, name, &v6) == 1) {
		*ret_loopback = IN6_IS_ADDR_LOOPBACK(&v6);
		return true;
	}
	return false;
}

/* A page elsewhere cannot make a browser name an address here: only a name can be made to point here. */
static bool is_own_name(const char *host, const char *listen_host)
{
	char name[256];
	char own[256];
	bool loopback = false;
	bool own_loopback = false;

	split_host(host, name, sizeof(name));
	split_host(listen_host, own, sizeof(own));
	if (strcmp(name, "localhost") == 0 || (*own && strcmp(name, own) == 0))
		return true;
	if (!is_address(name, &loopback))
		return false;
	return loopback || !is_address(own, &own_loopback) || !own_loopback;
}

static bool is_same_origin(const char *origin, const char *host)
{
	const char *at = strstr(origin, "://");

	return at && host && strcasecmp(at + 3, host) == 0;
}

static int check_sender(const struct weir_request_head *head, const struct weir_request_policy *policy,
			struct weir_request_fault *fault)
{
	if (head->host && !is_own_name(head->host, policy->listen_host))
		return refuse(fault, CODE_ACCESS_DENIED,
			      "The store does not answer to the name %.64s; use its address, or localhost", head->host);
	if (head->origin && !is_same_origin(head->origin, head->host))
		return refuse(fault, CODE_ACCESS_DENIED, "The store does not answer pages of another site (%.64s)",
			      head->origin);
	if (head->fetch_site && strcasecmp(head->fetch_site, "same-origin") != 0 &&
	    strcasecmp(head->fetch_site, "none") != 0)
		return refuse(fault, CODE_ACCESS_DENIED, "The store does not answer pages of another site");
	return 0;
}

/* --- the URL ---------------------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place; the result is ended by NUL. */
static size_t decode(char *text, size_t len, bool plus_is_blank)
{
	size_t out = 0;

	for (size_t i = 0; i < len; i++) {
		int high = i + 2 < len && text[i] == '%' ? hex_digit(text[i + 1]) : -1;
		int low = high >= 0 ? hex_digit(text[i + 2]) : -1;

		if (low >= 0) {
			text[out++] = (char)(high << 4 | low);
			i += 2;
		} else {
			text[out++] = plus_is_blank && text[i] == '+' ? ' ' : text[i];
		}
	}
	text[out] = '\0';
	return out;
}

static bool is_identifier(const char *name)
{
	if (!isalpha((unsigned char)*name) && *name != '_')
		return false;
	while (isalnum((unsigned char)*name) || *name == '_' || *name == '.')
		name++;
	return *name == '\0';
}

static bool is_on(const char *value)
{
	return strcmp(value, "1") == 0 || strcasecmp(value, "true") == 0;
}

static int set_query(struct weir_request *request, const char *value, size_t len, struct weir_request_fault *fault)
{
	(void)fault;
	request->query = value;
	request->query_len = len;
	return 0;
}

static int set_database(struct weir_request *request, const char *value, size_t len, struct weir_request_fault *fault)
{
	(void)fault, (void)len;
	request->database = value;
	return 0;
}

static int set_format(struct weir_request *request, const char *value, size_t len, struct weir_request_fault *fault)
{
	(void)len;
	if (*value && !is_identifier(value))
		return refuse(fault, 73, "Unknown format %.64s", value);
	if (*value)
		request->format = value;
	return 0;
}

static int set_query_id(struct weir_request *request, const char *value, size_t len, struct weir_request_fault *fault)
{
	for (size_t i = 0; i < len; i++) {
		if (len > 128 || !isprint((unsigned char)value[i]))
			return refuse(fault, CODE_BAD_ARGUMENTS, "query_id must be up to 128 printable characters");
	}
	request->query_id = value;
	return 0;
}

static int set_log_comment(struct weir_request *request, const char *value, size_t len,
			   struct weir_request_fault *fault)
{
	(void)fault, (void)len;
	request->log_comment = value;
	return 0;
}

static int set_readonly(struct weir_request *request, const char *value, size_t len, struct weir_request_fault *fault)
{
	if (len != 1 || *value < '0' || *value > '2')
		return refuse(fault, CODE_CANNOT_PARSE, "readonly is 0, 1 or 2, not %.32s", value);
	request->readonly = *value - '0';
	return 0;
}

static int set_wait_end(struct weir_request *request, const char *value, size_t len, struct weir_request_fault *fault)
{
	(void)fault, (void)len;
	request->wait_end = is_on(value);
	return 0;
}

static int set_compression(struct weir_request *request, const char *value, size_t len,
			   struct weir_request_fault *fault)
{
	(void)fault, (void)len;
	if (!is_on(value))
		request->answer_coding = WEIR_CODING_NONE;
	return 0;
}

static int set_revision(struct weir_request *request, const char *value, size_t len,
			struct weir_request_fault *fault)
{
	(void)fault, (void)len;
	request->native_revision = (unsigned)strtoul(value, NULL, 10);
	return 0;
}

static int refuse_compress(struct weir_request *request, const char *value, size_t len,
			   struct weir_request_fault *fault)
{
	(void)request, (void)len;
	if (!is_on(value))
		return 0;
	return refuse(fault, CODE_NOT_IMPLEMENTED,
		      "The embedded store has no compress and decompress; use Content-Encoding and Accept-Encoding");
}

static int ignore(struct weir_request *request, const char *value, size_t len, struct weir_request_fault *fault)
{
	(void)request, (void)value, (void)len, (void)fault;
	return 0;
}

/* The parameters that are not the engine's settings. */
static const struct parameter {
	const char *name;
	int (*set)(struct weir_request *request, const char *value, size_t len, struct weir_request_fault *fault);
} PARAMETERS[] = {
	{"query", set_query},
	{"database", set_database},
	{"default_format", set_format},
	{"query_id", set_query_id},
	{"log_comment", set_log_comment},
	{"readonly", set_readonly},
	{"wait_end_of_query", set_wait_end},
	{"enable_http_compression", set_compression},
	{"compress", refuse_compress},
	{"decompress", refuse_compress},
	{"user", ignore}, /* the embedded store has no users */
	{"password", ignore},
	{"quota_key", ignore},
	{"role", ignore},
	{"stacktrace", ignore},
	{"buffer_size", ignore},
	{"session_id", ignore}, /* nor sessions: every request stands alone */
	{"session_timeout", ignore},
	{"session_check", ignore},
	{"close_session", ignore},
	{"client_protocol_version", set_revision},
	{"http_compression_level", ignore},
	{"http_zlib_compression_level", ignore},
};

static int add_parameter(struct weir_request *request, const char *name, const char *value, size_t len,
			 struct weir_request_fault *fault)
{
	for (size_t i = 0; i < sizeof(PARAMETERS) / sizeof(PARAMETERS[0]); i++) {
		if (strcmp(PARAMETERS[i].name, name) == 0)
			return PARAMETERS[i].set(request, value, len, fault);
	}
	if (!is_identifier(name) || strlen(name) > 128)
		return refuse(fault, CODE_UNKNOWN_SETTING, "Unknown setting '%.64s'", name);
	if (strlen(value) != len)
		return refuse(fault, CODE_CANNOT_PARSE, "The value of %.64s holds a zero byte", name);
	if (request->settings_count == WEIR_REQUEST_SETTINGS_MAX)
		return refuse(fault, CODE_BAD_ARGUMENTS, "A request takes at most %d settings",
			      WEIR_REQUEST_SETTINGS_MAX);
	request->settings[request->settings_count++] = (struct weir_request_setting){name, value};
	return 0;
}

static int parse_parameters(struct weir_request *request, char *text, struct weir_request_fault *fault)
{
	while (text) {
		char *more = strchr(text, '&');
		char *value = strchr(text, '=');
		size_t len;
		int rc;

		if (more)
			*more++ = '\0';
		if (more && value && value >= more)
			value = NULL;
		if (value)
			*value++ = '\0';
		else
			value = text + strlen(text);
		(void)decode(text, strlen(text), true);
		len = decode(value, strlen(value), true);
		if (*text) {
			rc = add_parameter(request, text, value, len, fault);
			if (rc)
				return rc;
		}
		text = more;
	}
	return 0;
}

/* --- headers ---------------------------------------------------------------------------------------------- */

static int find_coding(const char *name, size_t len, enum weir_coding *ret_coding)
{
	for (size_t i = 1; i < CODING_COUNT; i++) {
		if (strlen(CODINGS[i].name) == len && strncasecmp(CODINGS[i].name, name, len) == 0) {
			*ret_coding = (enum weir_coding)i;
			return 0;
		}
	}
	return -ENOENT;
}

/* The first of a list that is known; weights are not looked at. */
static enum weir_coding choose_coding(const char *accept)
{
	enum weir_coding coding = WEIR_CODING_NONE;

	while (accept && *accept) {
		size_t len;

		accept += strspn(accept, " ,\t");
		len = strcspn(accept, " ,;\t");
		if (find_coding(accept, len, &coding) == 0)
			return coding;
		accept += len;
		accept += strcspn(accept, ",");
	}
	return WEIR_CODING_NONE;
}

static int read_headers(struct weir_request *request, const struct weir_request_head *head,
			struct weir_request_fault *fault)
{
	const char *coding = head->content_encoding;

	request->reads = strcmp(head->method, "GET") == 0 || strcmp(head->method, "HEAD") == 0;
	request->answer_coding = choose_coding(head->accept_encoding);
	if (head->database)
		request->database = head->database;
	if (coding && *coding && strcasecmp(coding, "identity") != 0 &&
	    find_coding(coding, strlen(coding), &request->body_coding)) {
		(void)refuse(fault, CODE_NOT_IMPLEMENTED, "The Content-Encoding %.32s is not understood; use lz4, zstd or gzip",
			     coding);
		fault->status = 415;
		return -EINVAL;
	}
	return head->format ? set_format(request, head->format, strlen(head->format), fault) : 0;
}

int weir_request_init(struct weir_request *request, const struct weir_request_head *head,
		      const struct weir_request_policy *policy, struct weir_request_fault *ret_fault)
{
	char *mark;
	bool asked;
	int rc;

	memset(request, 0, sizeof(*request));
	*ret_fault = (struct weir_request_fault){0};
	request->query = request->database = request->query_id = request->log_comment = "";
	request->format = DEFAULT_FORMAT;
	request->path = "/";
	rc = check_sender(head, policy, ret_fault);
	if (rc)
		return rc;
	if (strlen(head->uri) > WEIR_REQUEST_URI_MAX)
		return refuse(ret_fault, 229, "The URL is too long; send the query in the body");
	request->storage = strdup(head->uri);
	if (!request->storage)
		return refuse(ret_fault, 241, "Out of memory");
	mark = strchr(request->storage, '?');
	if (mark)
		*mark++ = '\0';
	(void)decode(request->storage, strlen(request->storage), false);
	request->path = request->storage;
	rc = read_headers(request, head, ret_fault);
	/* Compressed answers only for who asks twice, as in ClickHouse. */
	asked = mark && strstr(mark, "enable_http_compression=1");
	if (!asked)
		request->answer_coding = WEIR_CODING_NONE;
	if (!rc)
		rc = parse_parameters(request, mark, ret_fault);
	if (!rc && request->reads && !request->readonly)
		request->readonly = 2;
	return rc;
}

void weir_request_done(struct weir_request *request)
{
	free(request->storage);
	request->storage = NULL;
}
