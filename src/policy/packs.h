/* The rule packs of data/policy, compiled in, by name. */
#ifndef WEIR_POLICY_PACKS_H
#define WEIR_POLICY_PACKS_H

#include "base/embedded.h"

extern const struct weir_embedded_text weir_policy_packs[];

#endif
