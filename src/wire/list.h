/* Structured values (RFC 6313) as text: basicList, subTemplateList, subTemplateMultiList. Private to wire; pure. */
#ifndef WEIR_WIRE_LIST_H
#define WEIR_WIRE_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "wire/element.h"
#include "wire/template.h"

static inline bool weir_element_is_list(const struct weir_element *element)
{
	return element && element->type >= WEIR_ELEMENT_BASIC_LIST;
}

/* "allOf vlanId[1, 2]", "allOf 257[{sourceIPv4Address=192.0.2.1, vlanId=5}]": the semantic (§4.4), the element or the
 * template's number, the values. Writes to text, of WEIR_VALUE_TEXT_MAX bytes like scratch. False when the value
 * contradicts itself, is too deep or too long, or one of its templates is unknown. */
bool weir_list_text(const struct weir_element *element, const uint8_t *data, size_t len,
		    const struct weir_templates *templates, char *text, char *scratch, size_t *ret_len) WEIR_MUST_CHECK;

#endif
