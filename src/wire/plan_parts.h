/* A plan's inside: made in plan.c, run in plan_run.c. */
#ifndef WEIR_WIRE_PLAN_PARTS_H
#define WEIR_WIRE_PLAN_PARTS_H

#include "packet/packet.h"
#include "wire/message.h"
#include "wire/plan.h"

#define WEIR_PLAN_NO_FIELD UINT16_MAX

/* biflowDirection, RFC 5103 §6.3 */
enum { WEIR_BIFLOW_INITIATOR = 1, WEIR_BIFLOW_REVERSE_INITIATOR = 2 };

enum version_rule { VERSION_NONE, VERSION_4, VERSION_6, VERSION_BY_ADDRESS };

struct column_step {
	weir_copy_fn copy; /* NULL: by the length that each record has */
	uint8_t op;
	uint8_t column;
	uint8_t width;
	bool join; /* only where the cell is empty */
	uint16_t field;
	uint16_t aux_field;
	uint32_t len;
	uint32_t offset;
	uint32_t aux_len;
	uint32_t aux_offset;
};

/* How the second row of a biflow is made: biflow.c. */
struct biflow {
	bool wanted; /* the records have counters of the reverse direction */
	bool told;   /* and biflowDirection */
	uint16_t delta_field; /* CERT's reverseFlowDeltaMilliseconds, or WEIR_PLAN_NO_FIELD */
	uint32_t delta_offset;
	uint32_t steps;
	struct column_step *step; /* owned: elements of the reverse direction into columns of the second row */
};

struct text_step {
	const char *name; /* of the extra value; NULL for a string column */
	const struct weir_element *element;
	uint8_t column;
	uint16_t field;
	uint32_t len;
	uint32_t offset;
};

struct weir_plan {
	const struct weir_field *field; /* borrowed */
	uint32_t fields;
	uint32_t record_min;
	bool variable;
	bool wants_init;
	bool icmp_in_port;
	bool rate_in_record;
	bool sampler_in_record;
	bool interface_in_record;
	bool check_times;
	bool connections; /* of ASA or Firepower: connection.c */
	bool ipv4_only;
	/* A packet in the record (section.h), and its length on the wire; or WEIR_PLAN_NO_FIELD. */
	uint16_t section_field;
	uint16_t section_size_field;
	uint32_t section_offset;
	uint32_t section_size_offset;
	enum weir_link section_link;
	struct biflow biflow;
	uint16_t duration_field; /* flowDurationMilliseconds or flowDurationMicroseconds, or WEIR_PLAN_NO_FIELD */
	uint32_t duration_offset;
	enum version_rule version_rule;
	struct weir_column_set in_record; /* from the fields */
	struct weir_column_set always;	  /* filled in whatever the fields say */
	uint32_t columns;
	uint32_t texts;
	struct column_step *column; /* owned, like the two below */
	struct text_step *text;
	char *names;
	size_t names_len;
};

/* The records of a run: rows of `stride` bytes at `at`, or one record whose values are in `value`. */
struct run {
	const uint8_t *at;
	size_t stride;
	const struct weir_value *value; /* NULL for fixed lengths */
	uint32_t rows;
	struct weir_column_set present; /* of the fields, less what a record of variable length leaves empty; then all */
};

/* Write the second rows for the run's records, whose first rows were committed from row `first` on, and commit them. */
void weir_biflow_put(const struct weir_plan *p, const struct weir_message *m, const struct run *run, uint32_t first);

#endif
