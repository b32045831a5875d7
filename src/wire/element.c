#include "wire/element.h"

#include <stddef.h>

#define PEN_CERT  6871
#define PEN_CISCO 9
#define PEN_NTOP  35632

/* A binary search: elements are looked up when a template comes, never for a record. */
const struct weir_element *weir_element_find(uint32_t pen, uint16_t id)
{
	unsigned low = 0;
	unsigned high = weir_elements_count;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		const struct weir_element *e = &weir_elements[middle];

		if (e->pen == pen && e->id == id)
			return e;
		if (e->pen < pen || (e->pen == pen && e->id < id))
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* RFC 5103 §6.1 gives the elements of IANA an enterprise for their reverse; §6.2 lets others reserve a bit. */
#define CERT_REVERSE_BIT 0x4000

const struct weir_element *weir_element_find_ipfix(uint32_t pen, uint16_t id, bool *ret_reverse)
{
	const struct weir_element *e = weir_element_find(pen, id);

	*ret_reverse = false;
	if (pen == WEIR_PEN_REVERSE) {
		*ret_reverse = true;
		e = weir_element_find(0, id);
	} else if (!e && pen == PEN_CERT && id & CERT_REVERSE_BIT) {
		e = weir_element_find(PEN_CERT, id & (CERT_REVERSE_BIT - 1));
		*ret_reverse = e != NULL;
	}
	return e;
}

/* Where vendors put their enterprise's elements among the 16 bits of NetFlow v9, the narrowest first. */
static const struct {
	uint16_t from;
	uint16_t to;
	uint16_t base;
	uint32_t pen;
} V9_RANGES[] = {
	{57552, 57999, 57472, PEN_NTOP},
	{32768, 65535, 32768, PEN_CISCO},
};

const struct weir_element *weir_element_find_v9(uint16_t type)
{
	const struct weir_element *e = weir_element_find(0, type);

	for (size_t i = 0; !e && i < sizeof(V9_RANGES) / sizeof(V9_RANGES[0]); i++) {
		if (type >= V9_RANGES[i].from && type <= V9_RANGES[i].to)
			e = weir_element_find(V9_RANGES[i].pen, (uint16_t)(type - V9_RANGES[i].base));
	}
	return e;
}
