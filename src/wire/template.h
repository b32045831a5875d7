/* The templates of one exporter and observation domain, by number, with their plans. Bounded in number, fields and
 * memory. Private to wire. */
#ifndef WEIR_WIRE_TEMPLATE_H
#define WEIR_WIRE_TEMPLATE_H

#include <stdbool.h>
#include <stdint.h>

struct weir_template;

struct weir_templates {
	struct weir_template **list; /* owned, sorted by id */
	uint32_t count;
	uint32_t cap;
};

#endif
