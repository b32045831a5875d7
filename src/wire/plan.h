/* A plan: a template compiled to copies of columns. Made when the template comes, run for each of its data sets.
 *
 * Where all fields have a fixed length, a set's records are bounds-checked once and then copied column by column, as
 * many rows at a time as the block has room for. Records with variable-length values are walked one by one. Values
 * without a column, and strings, are put row by row after that. Private to wire; a plan is constant once made. */
#ifndef WEIR_WIRE_PLAN_H
#define WEIR_WIRE_PLAN_H

#include "base/cursor.h"
#include "base/error.h"
#include "wire/message.h"
#include "wire/template.h"

struct weir_plan;

/* fields: borrowed for the plan's life. init_known: systemInitTimeMilliseconds of the exporter is known. */
int weir_plan_new(const struct weir_field *field, uint32_t fields, enum weir_flow_type flow_type, bool init_known,
		  struct weir_plan **ret_plan) WEIR_MUST_CHECK;
void weir_plan_free(struct weir_plan *plan);

/* Memory that it takes. */
size_t weir_plan_bytes(const struct weir_plan *plan);

/* Would be another one if the exporter's start were known. */
bool weir_plan_wants_init(const struct weir_plan *plan);

/* Decode the records of a data set; what is left in set is padding. Returns how many records there were. */
uint32_t weir_plan_decode(const struct weir_plan *plan, const struct weir_message *m, struct weir_cursor *set);

/* Find the values of the next record; false when it runs beyond the set's end. */
bool weir_plan_collect(const struct weir_field *field, uint32_t fields, struct weir_cursor *set,
		       struct weir_value *ret_value);

/* The least number of bytes that a record takes. */
uint32_t weir_plan_record_min(const struct weir_field *field, uint32_t fields, bool *ret_variable);

#endif
