#include "wire/fault.h"

const struct weir_fault_info weir_faults[WEIR_FAULTS] = {
#define FAULT(id, name, verdict, text) [WEIR_FAULT_##id] = {#name, WEIR_VERDICT_##verdict, text},
#include "wire/faults.inc"
#undef FAULT
};
