/* Text from the network on its way to a terminal: what is printable, and how wide it is. Control characters (C0,
 * DEL, C1), characters that turn the writing direction, and bytes that are not UTF-8 must never reach a terminal. */
#ifndef WEIR_QUERY_PRINTABLE_H
#define WEIR_QUERY_PRINTABLE_H

#include "base/buffer.h"

/* Move *at behind the character there; its length in bytes, or 0 when it is not printable. *at < len. */
size_t weir_printable_next(const char *text, size_t len, size_t *at);

/* Columns on a terminal of weir_printable_append()'s result with a replacement sign. */
unsigned weir_printable_width(const char *text, size_t len);

/* Append the text with each unprintable byte as the sign, or as \xNN where the sign is 0. */
int weir_printable_append(const char *text, size_t len, char sign, struct weir_buffer *out) WEIR_MUST_CHECK;

#endif
