/* Numbers for people: three digits and a unit of 1000, as flow tools show them. */
#ifndef WEIR_BASE_HUMAN_H
#define WEIR_BASE_HUMAN_H

#include <stddef.h>
#include <stdint.h>

#define WEIR_HUMAN_MAX 8 /* with the NUL */

/* "999", "1.23k", "12.3M", "123G": five characters at most. Writes up to WEIR_HUMAN_MAX bytes with the NUL and
 * returns the length without it. */
size_t weir_human_text(uint64_t value, char *ret_text);

#endif
