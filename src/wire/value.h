/* The text of one value, by its element's type: for values that have no column. Private to wire; pure. */
#ifndef WEIR_WIRE_VALUE_H
#define WEIR_WIRE_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/element.h"

/* Large enough for the hexadecimal text of any value that fits into a message. */
#define WEIR_VALUE_TEXT_MAX (2 * 65536)

struct weir_value_text {
	const char *text; /* in the value itself or in the scratch memory; not NUL-terminated */
	size_t len;
	bool number; /* a JSON number */
};

/* Numbers in decimal, addresses and times in their usual form, strings as they are without the NULs that fill them
 * up, and everything else, also a value whose length its type cannot have, as hexadecimal digits. scratch has
 * WEIR_VALUE_TEXT_MAX bytes. element may be NULL: unknown. */
struct weir_value_text weir_value_text(const struct weir_element *element, const uint8_t *data, size_t len,
				       char *scratch);

/* Without the NULs at the end. */
size_t weir_value_trim(const uint8_t *data, size_t len);

#endif
