/* Numbers as people read them: 1.2 M, 340 kB, 12.3 %. Decimal prefixes (1 k is 1000), as in the filter language and
 * in the names of links. Pure. */
#ifndef WEIR_QUERY_HUMAN_H
#define WEIR_QUERY_HUMAN_H

#include <stddef.h>

#define WEIR_HUMAN_MAX 32

/* "999", "1.2 k", "34.5 M", with unit ("B", "") behind: "999 B", "1.2 kB". Never more than three digits before the
 * point. Returns the length. */
size_t weir_human_number(double value, const char *unit, char ret_text[WEIR_HUMAN_MAX]);
/* Milliseconds: "0.250 s", "90.000 s", "2 h 05 m". */
size_t weir_human_duration(double ms, char ret_text[WEIR_HUMAN_MAX]);

#endif
