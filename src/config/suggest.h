/* What may have been meant by an option that is not there. Inner header of src/config. Pure; any thread. */
#ifndef WEIR_CONFIG_SUGGEST_H
#define WEIR_CONFIG_SUGGEST_H

#include <stddef.h>

/* The next step for an unknown key within a section ("" is the top; its length counts, not a NUL). */
void weir_config_suggest(const char *section, size_t section_len, const char *key, char *ret_next, size_t size);

/* text cut to size, with '?' for control characters: what a file holds must not move the terminal's cursor. */
void weir_printable(const char *text, char *ret_text, size_t size);

#endif
