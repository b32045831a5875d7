/* The two halves. Private to the module: 0, or a negative errno value. */
#ifndef WEIR_SANDBOX_PARTS_H
#define WEIR_SANDBOX_PARTS_H

#include "base/error.h"
#include "sandbox/sandbox.h"

/* -EOPNOTSUPP: the kernel has it not, or is too old. */
int weir_sandbox_limit_files(const struct weir_sandbox_options *options) WEIR_MUST_CHECK;
int weir_sandbox_limit_calls(enum weir_sandbox_calls calls) WEIR_MUST_CHECK;

#endif
