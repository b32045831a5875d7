/* The schema table as C: a row an option, made from config/options.inc, with what each type can do: be read from
 * text, be written as text, be described. Inner header of src/config. Pure; any thread. */
#ifndef WEIR_CONFIG_OPTION_H
#define WEIR_CONFIG_OPTION_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "config/config.h"

enum weir_config_type {
	WEIR_CONFIG_BOOL,	 /* bool */
	WEIR_CONFIG_NUMBER,	 /* uint64_t */
	WEIR_CONFIG_SIZE,	 /* uint64_t, bytes */
	WEIR_CONFIG_DURATION_MS, /* uint64_t */
	WEIR_CONFIG_DURATION_S,	 /* uint64_t */
	WEIR_CONFIG_TEXT,	 /* char *, owned */
	WEIR_CONFIG_IDENTIFIER,	 /* char * */
	WEIR_CONFIG_CHOICE,	 /* char * */
	WEIR_CONFIG_URL,	 /* char * */
	WEIR_CONFIG_ADDRESS,	 /* char * */
	WEIR_CONFIG_ADDRESSES,	 /* struct weir_config_list, like the next */
	WEIR_CONFIG_PREFIXES,
	WEIR_CONFIG_LINES,   /* texts, for others to read */
	WEIR_CONFIG_NAMES,   /* of hosts, or their addresses */
	WEIR_CONFIG_RATES,   /* WHAT=RATE, in bits a second */
	WEIR_CONFIG_SNMP_TARGETS, /* networks with options behind commas, which words lists (snmp/target.h reads them) */
	WEIR_CONFIG_OUTPUTS, /* addresses with options behind commas (replicate/spec.h reads those) */
};

struct weir_config_option {
	const char *path;
	size_t offset;
	enum weir_config_type type;
	const char *standard; /* the default */
	uint64_t min, max;
	const char *words;
	const char *help;
};

/* Ended by a NULL path. */
extern const struct weir_config_option weir_config_options[];
enum {
	WEIR_CONFIG_OPTIONS = 0
#define OPTION(path, member, type, standard, min, max, words, help) +1
#include "config/options.inc"
#undef OPTION
};

/* The length of the section's name in a path, 0 at the top. */
size_t weir_config_section_len(const char *path);
const char *weir_config_name(const char *path);

/* Put a value as written into its member, in the place of what is there; a list gains an item. err
 * says what would be right, with where. */
int weir_config_set(const struct weir_config_option *option, const char *text, const char *where,
		    struct weir_config *config, struct weir_error *err) WEIR_MUST_CHECK;
/* Empty the member: lists and strings are freed. */
void weir_config_clear(const struct weir_config_option *option, struct weir_config *config);
/* The value as YAML on one line, texts in quotes; item counts in a list, else it is 0. */
int weir_config_print(const struct weir_config_option *option, const struct weir_config *config, unsigned item,
		      struct weir_buffer *out) WEIR_MUST_CHECK;
/* "a number from 1 to 64, or 0: one for each processor" */
int weir_config_describe(const struct weir_config_option *option, struct weir_buffer *out) WEIR_MUST_CHECK;
bool weir_config_is_list(const struct weir_config_option *option);
/* How many items the option's list has; 1 for those that are none. */
unsigned weir_config_items(const struct weir_config_option *option, const struct weir_config *config);

/* Where in the file an option was set; line 0: not at all. */
struct weir_config_place {
	unsigned line;
	unsigned column;
};

/* What no single value can tell: options that contradict each other. places: one an option. */
int weir_config_cross_check(const struct weir_config *config, const char *name,
			    const struct weir_config_place *places, struct weir_error *err) WEIR_MUST_CHECK;

#endif
