/* IP protocol numbers and TCP flags by name, as people write and read them. All data here is constant. */
#ifndef WEIR_FLOW_PROTOCOL_H
#define WEIR_FLOW_PROTOCOL_H

#include <stddef.h>
#include <stdint.h>

/* "tcp"; NULL for a number without a name in the table. */
const char *weir_protocol_name(unsigned number);
/* The number of a name (without case), or -1. */
int weir_protocol_find(const char *name, size_t len);
/* The names in turn, for suggestions: NULL behind the last. */
const char *weir_protocol_word(unsigned i);

#define WEIR_FLAGS_TEXT_MAX 9

/* "...AP.SF": CWR, ECE, URG, ACK, PSH, RST, SYN, FIN, a dot for what is not set. Writes 9 bytes with the NUL. */
void weir_flags_text(unsigned flags, char *ret_text);
/* "SA": the letters C E U A P R S F, or X for the six classic ones. The mask, or -1 for another letter. */
int weir_flags_parse(const char *letters, size_t len);

#endif
