/* What scenarios borrow from a generator. Private to generate. */
#ifndef WEIR_GENERATE_GENERATOR_PARTS_H
#define WEIR_GENERATE_GENERATOR_PARTS_H

#include "generate/conversation.h"
#include "generate/generator.h"

/* The observer as that exporter; valid until the next call that names an exporter. */
const struct weir_observer *weir_generator_observer(struct weir_generator *generator, uint32_t exporter);

/* A host of a role at the exporter's site, as the exporter sees it. */
void weir_generator_host(const struct weir_generator *generator, uint32_t exporter, enum weir_role role, uint32_t rank,
			 bool ipv6, struct weir_host *ret_host);

#endif
