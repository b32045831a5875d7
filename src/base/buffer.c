#include "base/buffer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void weir_buffer_init(struct weir_buffer *b)
{
	*b = (struct weir_buffer){0};
}

void weir_buffer_done(struct weir_buffer *b)
{
	free(b->data);
	*b = (struct weir_buffer){0};
}

int weir_buffer_reserve(struct weir_buffer *b, size_t extra)
{
	size_t need, cap;
	uint8_t *data;

	if (__builtin_add_overflow(b->len, extra, &need))
		return -ENOMEM;
	if (need <= b->cap)
		return 0;
	if (__builtin_mul_overflow(b->cap, 2, &cap) || cap < need)
		cap = need < 256 ? 256 : need;
	data = realloc(b->data, cap);
	if (!data)
		return -ENOMEM;
	b->data = data;
	b->cap = cap;
	return 0;
}

int weir_buffer_append(struct weir_buffer *b, const void *data, size_t len)
{
	int rc = weir_buffer_reserve(b, len);

	if (rc)
		return rc;
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	return 0;
}

int weir_buffer_text(struct weir_buffer *b, const char *text)
{
	return weir_buffer_append(b, text, strlen(text));
}

int weir_buffer_printf(struct weir_buffer *b, const char *fmt, ...)
{
	va_list args;
	int len, rc;

	va_start(args, fmt);
	len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (len < 0)
		return -EINVAL;
	rc = weir_buffer_reserve(b, (size_t)len + 1);
	if (rc)
		return rc;
	va_start(args, fmt);
	(void)vsnprintf((char *)b->data + b->len, (size_t)len + 1, fmt, args);
	va_end(args);
	b->len += (size_t)len;
	return 0;
}

const char *weir_buffer_cstr(struct weir_buffer *b)
{
	if (weir_buffer_reserve(b, 1))
		return NULL;
	b->data[b->len] = 0;
	return (const char *)b->data;
}
