/* A request to the store's HTTP interface, as ClickHouse's own takes it, interpreted: what stands in the URL and in the
 * headers. Pure: no socket, no engine, so that it can be tested and fuzzed. The body is store/body.h's. */
#ifndef WEIR_STORE_REQUEST_H
#define WEIR_STORE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define WEIR_REQUEST_URI_MAX	  (1024UL * 1024)
#define WEIR_REQUEST_SETTINGS_MAX 256

enum weir_coding { WEIR_CODING_NONE, WEIR_CODING_LZ4, WEIR_CODING_ZSTD, WEIR_CODING_GZIP, WEIR_CODING_DEFLATE };

/* What came over the wire; NULL where a header was not sent. Borrowed. */
struct weir_request_head {
	const char *method;
	const char *uri; /* path and query string as sent */
	const char *host;
	const char *origin;
	const char *fetch_site; /* Sec-Fetch-Site */
	const char *content_encoding;
	const char *accept_encoding;
	const char *format;   /* X-ClickHouse-Format */
	const char *database; /* X-ClickHouse-Database */
};

struct weir_request_setting {
	const char *name;  /* an identifier; "param_x" for the query parameter {x:Type} */
	const char *value; /* may hold any bytes but NUL */
};

struct weir_request {
	char *storage; /* owned; all texts below point into it or into the head */
	const char *path;
	const char *query; /* "" when the URL has none */
	size_t query_len;
	const char *database; /* "" for the default one */
	const char *format;   /* for answers that name none */
	const char *query_id; /* "" when none was given */
	const char *log_comment;
	struct weir_request_setting settings[WEIR_REQUEST_SETTINGS_MAX];
	unsigned settings_count;
	int readonly; /* 0, 1 or 2, as ClickHouse's setting */
	unsigned native_revision; /* of Native answers (client_protocol_version); 0: the oldest */
	bool reads;   /* GET or HEAD */
	bool wait_end;
	enum weir_coding body_coding;
	enum weir_coding answer_coding;
};

struct weir_request_fault {
	int code;   /* ClickHouse's */
	int status; /* HTTP */
	char text[256];
};

/* Name of the listening address, without port: requests for other names are refused, for they come from a page that
 * had its own name point here (DNS rebinding). */
struct weir_request_policy {
	const char *listen_host;
};

int weir_request_init(struct weir_request *request, const struct weir_request_head *head,
		      const struct weir_request_policy *policy, struct weir_request_fault *ret_fault) WEIR_MUST_CHECK;
void weir_request_done(struct weir_request *request);

/* The HTTP status that ClickHouse gives an error code. */
int weir_request_status(int code);
/* The Content-Type of a format. */
const char *weir_request_content_type(const char *format, size_t len);
/* As in Content-Encoding, and as in the engine's COMPRESSION clause; NULL for NONE. */
const char *weir_coding_name(enum weir_coding coding);
const char *weir_coding_method(enum weir_coding coding);

#endif
