/* JSON as it is written: commas, quotes and escapes by themselves, one failure kept to the end. One thread. */
#ifndef WEIR_WEB_JSON_H
#define WEIR_WEB_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

struct weir_json {
	struct weir_buffer *out; /* borrowed */
	int rc;			 /* the first failure */
	bool comma;		 /* one is due before the next member */
};

/* The key is NULL inside of arrays, and for the whole. bracket: '{' or '['. */
void weir_json_open(struct weir_json *json, const char *key, char bracket);
void weir_json_close(struct weir_json *json, char bracket);
void weir_json_text(struct weir_json *json, const char *key, const char *text);
void weir_json_bytes(struct weir_json *json, const char *key, const void *data, size_t len);
void weir_json_bool(struct weir_json *json, const char *key, bool value);
void weir_json_null(struct weir_json *json, const char *key);
/* Above 2^53-1 as a string, so that no digit is lost in JavaScript. */
void weir_json_whole(struct weir_json *json, const char *key, uint64_t value);
void weir_json_signed(struct weir_json *json, const char *key, int64_t value);
/* Up to three digits behind the point; what is no number becomes 0. */
void weir_json_number(struct weir_json *json, const char *key, double value);
/* A value that is JSON already. */
void weir_json_raw(struct weir_json *json, const char *key, const void *data, size_t len);

#endif
