/* The templates of one exporter and observation domain, by number, with their plans. Bounded in number, fields and
 * memory. Private to wire. */
#ifndef WEIR_WIRE_TEMPLATE_H
#define WEIR_WIRE_TEMPLATE_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/column.h"
#include "wire/fault.h"

#define WEIR_LENGTH_VARIABLE 65535 /* RFC 7011 §7 */
#define WEIR_TEMPLATE_ID_MIN 256

struct weir_element;
struct weir_plan;
struct weir_workspace;

struct weir_field {
	const struct weir_element *element; /* NULL when unknown */
	uint32_t pen;
	uint16_t id;
	uint16_t length;
	bool reverse; /* of the reverse direction (RFC 5103) */
};

struct weir_template {
	uint16_t id;
	bool options;
	bool variable;
	uint32_t scope_fields;
	uint32_t fields;
	uint32_t record_min; /* bytes */
	uint64_t bytes;	     /* memory that it takes */
	struct weir_plan *plan; /* owned; NULL for options */
	struct weir_field field[];
};

struct weir_templates {
	struct weir_template **list; /* owned, sorted by id */
	uint32_t count;
	uint32_t cap;
	uint64_t changes; /* definitions that replaced another one */
};

void weir_templates_done(struct weir_templates *t);

/* NULL when there is none. */
const struct weir_template *weir_templates_find(const struct weir_templates *t, uint16_t id);

struct weir_template_new {
	uint16_t id;
	bool options;
	uint32_t scope_fields;
	uint32_t fields; /* in work->field */
	enum weir_flow_type flow_type;
	bool init_known;
};

/* Remember a template; one that is as before stays as it is. WEIR_FAULTS when all is well, or why it is refused. */
enum weir_fault weir_templates_put(struct weir_templates *t, struct weir_workspace *work,
				   const struct weir_template_new *spec);

/* Forget one, or all templates or options templates. */
void weir_templates_remove(struct weir_templates *t, struct weir_workspace *work, uint16_t id);
void weir_templates_remove_all(struct weir_templates *t, struct weir_workspace *work, bool options);

/* The exporter's start became known: make the plans anew that need it. */
void weir_templates_init_known(struct weir_templates *t, enum weir_flow_type flow_type);

#endif
