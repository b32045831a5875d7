/* A growing run of bytes. The buffer owns its memory; weir_buffer_done() frees it. Not shared between
 * threads. After a failed call (-ENOMEM) the contents are as they were. */
#ifndef WEIR_BASE_BUFFER_H
#define WEIR_BASE_BUFFER_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct weir_buffer {
	uint8_t *data; /* owned; NULL while nothing was reserved */
	size_t len;
	size_t cap;
};

void weir_buffer_init(struct weir_buffer *b);
void weir_buffer_done(struct weir_buffer *b);
static inline void weir_buffer_reset(struct weir_buffer *b)
{
	b->len = 0;
}

/* Make room for extra more bytes behind len. */
int weir_buffer_reserve(struct weir_buffer *b, size_t extra) WEIR_MUST_CHECK;
int weir_buffer_append(struct weir_buffer *b, const void *data, size_t len) WEIR_MUST_CHECK;
int weir_buffer_text(struct weir_buffer *b, const char *text) WEIR_MUST_CHECK;
int weir_buffer_printf(struct weir_buffer *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3))) WEIR_MUST_CHECK;
/* The contents as a C string: a NUL stands behind data[len - 1] but does not count. NULL on -ENOMEM. */
const char *weir_buffer_cstr(struct weir_buffer *b);

#endif
