/* Values of the configuration: from text, to text, in words. A row of TYPES each. */
#include "config/option.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/address.h"
#include "config/quantity.h"
#include "config/suggest.h"

const struct weir_config_option weir_config_options[] = {
#define OPTION(path, member, type, standard, min, max, words, help)                                                    \
	{path, offsetof(struct weir_config, member), WEIR_CONFIG_##type, standard, min, max, words, help},
#include "config/options.inc"
#undef OPTION
	{0},
};

struct type {
	/* NULL where text is right, else what is wrong; numbers give their value. */
	const char *(*read)(const struct weir_config_option *option, const char *text, uint64_t *ret_number);
	int (*describe)(const struct weir_config_option *option, struct weir_buffer *out);
	enum { AS_BOOL, AS_NUMBER, AS_TEXT, AS_LIST } member;
	void (*print_number)(uint64_t number, char *ret_text, size_t size);
};

/* --- numbers ---------------------------------------------------------------------------------------------- */

static void print_plain(uint64_t number, char *ret_text, size_t size)
{
	(void)snprintf(ret_text, size, "%" PRIu64, number);
}

static void print_seconds(uint64_t number, char *ret_text, size_t size)
{
	weir_duration_print(number * 1000, ret_text, size);
}

static const char *range_check(const struct weir_config_option *option, int rc, uint64_t number, uint64_t *ret_number)
{
	bool zero = number == 0 && *option->words;

	if (rc == -EINVAL)
		return "is not of this form";
	if (rc || number > option->max)
		return "is too large";
	if (number < option->min && !zero)
		return "is too small";
	*ret_number = number;
	return NULL;
}

static const char *read_number(const struct weir_config_option *option, const char *text, uint64_t *ret_number)
{
	uint64_t number = 0;
	int rc = weir_number_parse(text, &number);

	return range_check(option, rc, number, ret_number);
}

static const char *read_size(const struct weir_config_option *option, const char *text, uint64_t *ret_number)
{
	uint64_t number = 0;
	int rc = weir_size_parse(text, &number);

	return range_check(option, rc, number, ret_number);
}

static const char *read_duration_ms(const struct weir_config_option *option, const char *text, uint64_t *ret_number)
{
	uint64_t number = 0;
	int rc = weir_duration_parse(text, &number);

	return range_check(option, rc, number, ret_number);
}

static const char *read_duration_s(const struct weir_config_option *option, const char *text, uint64_t *ret_number)
{
	uint64_t number = 0;
	int rc = weir_duration_parse(text, &number);

	if (!rc && number % 1000)
		return "has a part of a second";
	return range_check(option, rc, number / 1000, ret_number);
}

static int describe_range(const struct weir_config_option *option, const char *form,
			  void (*print)(uint64_t, char *, size_t), struct weir_buffer *out)
{
	char min[32];
	char max[32];

	print(option->min, min, sizeof(min));
	print(option->max, max, sizeof(max));
	return weir_buffer_printf(out, "%s from %s to %s%s%s", form, min, max, *option->words ? ", or 0: " : "",
				  option->words);
}

static int describe_number(const struct weir_config_option *option, struct weir_buffer *out)
{
	return describe_range(option, "a number", print_plain, out);
}

static int describe_size(const struct weir_config_option *option, struct weir_buffer *out)
{
	return describe_range(option, "a size", weir_size_print, out);
}

static int describe_duration_ms(const struct weir_config_option *option, struct weir_buffer *out)
{
	return describe_range(option, "a duration", weir_duration_print, out);
}

static int describe_duration_s(const struct weir_config_option *option, struct weir_buffer *out)
{
	return describe_range(option, "a duration", print_seconds, out);
}

/* --- words ------------------------------------------------------------------------------------------------ */

static const char *read_bool(const struct weir_config_option *option, const char *text, uint64_t *ret_number)
{
	static const char *const WORDS[] = {"false", "true", "no", "yes", "off", "on"};

	(void)option;
	for (unsigned i = 0; i < sizeof(WORDS) / sizeof(*WORDS); i++) {
		if (strcasecmp(text, WORDS[i]) == 0) {
			*ret_number = i & 1;
			return NULL;
		}
	}
	return "is neither";
}

static int describe_bool(const struct weir_config_option *option, struct weir_buffer *out)
{
	(void)option;
	return weir_buffer_text(out, "true or false");
}

static const char *read_choice(const struct weir_config_option *option, const char *text, uint64_t *ret_number)
{
	size_t len = strlen(text);

	(void)ret_number;
	for (const char *word = option->words; *word;) {
		size_t n = strcspn(word, "|");

		if (n == len && memcmp(word, text, n) == 0)
			return NULL;
		word += n + (word[n] == '|');
	}
	return "is none of them";
}

static int describe_choice(const struct weir_config_option *option, struct weir_buffer *out)
{
	int rc = weir_buffer_text(out, "one of ");

	for (const char *word = option->words; *word && !rc;) {
		size_t n = strcspn(word, "|");

		rc = weir_buffer_printf(out, "%.*s%s", (int)n, word, word[n] ? ", " : "");
		word += n + (word[n] == '|');
	}
	return rc;
}

/* --- texts ------------------------------------------------------------------------------------------------ */

static const char *read_text(const struct weir_config_option *option, const char *text, uint64_t *ret_number)
{
	size_t len = strlen(text);

	(void)ret_number;
	if (len < option->min)
		return len ? "is too short" : "is empty";
	if (len > option->max)
		return "is too long";
	for (const char *p = text; *p; p++) {
		if (iscntrl((unsigned char)*p))
			return "has a control character in it";
	}
	return NULL;
}

static int describe_text(const struct weir_config_option *option, struct weir_buffer *out)
{
	return weir_buffer_printf(out, "a text of up to %" PRIu64 " bytes", option->max);
}

static const char *read_identifier(const struct weir_config_option *option, const char *text, uint64_t *ret_number)
{
	for (const char *p = text; *p; p++) {
		bool digit = *p >= '0' && *p <= '9';

		if (!isalpha((unsigned char)*p) && *p != '_' && (p == text || !digit))
			return "has a character that a name cannot have";
	}
	return read_text(option, text, ret_number);
}

static int describe_identifier(const struct weir_config_option *option, struct weir_buffer *out)
{
	return weir_buffer_printf(out, "a name of up to %" PRIu64 " letters, digits and underscores", option->max);
}

static const char *read_url(const struct weir_config_option *option, const char *text, uint64_t *ret_number)
{
	const char *wrong = read_text(option, text, ret_number);

	return wrong || !*text ? wrong : weir_url_check(text);
}

static int describe_url(const struct weir_config_option *option, struct weir_buffer *out)
{
	(void)option;
	return weir_buffer_text(out, "a URL, as http://clickhouse.example:8123");
}

static const char *read_address(const struct weir_config_option *option, const char *text, uint64_t *ret_number)
{
	(void)option;
	(void)ret_number;
	return weir_address_check(text, false);
}

static int describe_address(const struct weir_config_option *option, struct weir_buffer *out)
{
	(void)option;
	return weir_buffer_text(out, "an address and port, as \"127.0.0.1:8123\" or \"[::1]:8123\"");
}

static const char *read_addresses(const struct weir_config_option *option, const char *text, uint64_t *ret_number)
{
	(void)option;
	(void)ret_number;
	return weir_address_check(text, true);
}

static int describe_addresses(const struct weir_config_option *option, struct weir_buffer *out)
{
	return weir_buffer_printf(out,
				  "a list of up to %" PRIu64 " addresses with ports, as \"*:2055\", \"192.0.2.1:2055\" or "
				  "\"[2001:db8::1]:2055\"",
				  option->max);
}

static const char *read_prefix(const struct weir_config_option *option, const char *text, uint64_t *ret_number)
{
	(void)option;
	(void)ret_number;
	return weir_prefix_check(text);
}

static int describe_prefixes(const struct weir_config_option *option, struct weir_buffer *out)
{
	return weir_buffer_printf(out,
				  "a list of up to %" PRIu64 " networks or addresses, as \"192.0.2.0/24\", \"192.0.2.1\" or "
				  "\"2001:db8::/32\"",
				  option->max);
}

#define LINE_MAX_BYTES 1024

static const char *read_line(const struct weir_config_option *option, const char *text, uint64_t *ret_number)
{
	const struct weir_config_option line = {.path = option->path, .min = 1, .max = LINE_MAX_BYTES};

	return read_text(&line, text, ret_number);
}

static int describe_lines(const struct weir_config_option *option, struct weir_buffer *out)
{
	return weir_buffer_printf(out, "a list of up to %" PRIu64 " texts", option->max);
}

static const char *read_name(const struct weir_config_option *option, const char *text, uint64_t *ret_number)
{
	(void)option;
	(void)ret_number;
	return weir_host_check(text);
}

static int describe_names(const struct weir_config_option *option, struct weir_buffer *out)
{
	return weir_buffer_printf(out, "a list of up to %" PRIu64 " names or addresses, as \"router.example\" or \"192.0.2.1\"",
				  option->max);
}

static const char *read_rate(const struct weir_config_option *option, const char *text, uint64_t *ret_number)
{
	const char *equals = strrchr(text, '=');
	uint64_t bps;

	(void)option;
	(void)ret_number;
	if (!equals || equals == text || weir_rate_parse(equals + 1, &bps))
		return "is not of this form";
	/* The store is told what as a quoted text. */
	return strpbrk(text, "'\\") ? "has a character that no name has" : NULL;
}

static int describe_rates(const struct weir_config_option *option, struct weir_buffer *out)
{
	return weir_buffer_printf(out, "a list of up to %" PRIu64 " rates, as \"%s=200M\" or \"%s=1.5G\"", option->max, option->words,
				  option->words);
}

/* The options are for whoever asks to read, but one that is none may hold a secret, which nobody shall be shown. */
static const char *read_snmp_target(const struct weir_config_option *option, const char *text, uint64_t *ret_number)
{
	char network[64];
	size_t len = strcspn(text, ",");
	const char *wrong;

	if (len >= sizeof(network))
		return "does not begin with a network";
	memcpy(network, text, len);
	network[len] = '\0';
	wrong = read_prefix(option, network, ret_number);
	for (text += len; !wrong && *text; text += strcspn(text, ",")) {
		size_t name = strcspn(++text, "=,");
		const char *word = option->words;

		while (*word && (strcspn(word, " ") != name || memcmp(word, text, name) != 0)) {
			word += strcspn(word, " ");
			word += strspn(word, " ");
		}
		if (!*word || text[name] != '=')
			return "has an option that is none; a secret belongs into a file or the environment";
	}
	return wrong;
}

static int describe_snmp_targets(const struct weir_config_option *option, struct weir_buffer *out)
{
	return weir_buffer_printf(out,
				  "a list of up to %" PRIu64 " networks with options, as \"10.0.0.0/8,community_file=/etc/weir/community\" or "
				  "\"192.0.2.1,user=weir,auth=SHA-256,auth_file=/etc/weir/auth,priv=AES,priv_file=/etc/weir/priv\"",
				  option->max);
}

/* The options behind the address are for whoever sends there to read. */
static const char *read_output(const struct weir_config_option *option, const char *text, uint64_t *ret_number)
{
	char address[512];
	size_t len = strcspn(text, ",");

	(void)option;
	(void)ret_number;
	if (len >= sizeof(address))
		return "this is no address";
	memcpy(address, text, len);
	address[len] = '\0';
	return weir_address_check(address, false);
}

static int describe_outputs(const struct weir_config_option *option, struct weir_buffer *out)
{
	return weir_buffer_printf(out,
				  "a list of up to %" PRIu64 " outputs, as \"192.0.2.1:2055\" or "
				  "\"collector.example:2055,keep-source,from=10.0.0.0/8\"",
				  option->max);
}

static const struct type TYPES[] = {
	[WEIR_CONFIG_BOOL] = {read_bool, describe_bool, AS_BOOL, NULL},
	[WEIR_CONFIG_NUMBER] = {read_number, describe_number, AS_NUMBER, print_plain},
	[WEIR_CONFIG_SIZE] = {read_size, describe_size, AS_NUMBER, weir_size_print},
	[WEIR_CONFIG_DURATION_MS] = {read_duration_ms, describe_duration_ms, AS_NUMBER, weir_duration_print},
	[WEIR_CONFIG_DURATION_S] = {read_duration_s, describe_duration_s, AS_NUMBER, print_seconds},
	[WEIR_CONFIG_TEXT] = {read_text, describe_text, AS_TEXT, NULL},
	[WEIR_CONFIG_IDENTIFIER] = {read_identifier, describe_identifier, AS_TEXT, NULL},
	[WEIR_CONFIG_CHOICE] = {read_choice, describe_choice, AS_TEXT, NULL},
	[WEIR_CONFIG_URL] = {read_url, describe_url, AS_TEXT, NULL},
	[WEIR_CONFIG_ADDRESS] = {read_address, describe_address, AS_TEXT, NULL},
	[WEIR_CONFIG_ADDRESSES] = {read_addresses, describe_addresses, AS_LIST, NULL},
	[WEIR_CONFIG_PREFIXES] = {read_prefix, describe_prefixes, AS_LIST, NULL},
	[WEIR_CONFIG_LINES] = {read_line, describe_lines, AS_LIST, NULL},
	[WEIR_CONFIG_NAMES] = {read_name, describe_names, AS_LIST, NULL},
	[WEIR_CONFIG_RATES] = {read_rate, describe_rates, AS_LIST, NULL},
	[WEIR_CONFIG_SNMP_TARGETS] = {read_snmp_target, describe_snmp_targets, AS_LIST, NULL},
	[WEIR_CONFIG_OUTPUTS] = {read_output, describe_outputs, AS_LIST, NULL},
};

size_t weir_config_section_len(const char *path)
{
	const char *dot = strchr(path, '.');

	return dot ? (size_t)(dot - path) : 0;
}

const char *weir_config_name(const char *path)
{
	const char *dot = strchr(path, '.');

	return dot ? dot + 1 : path;
}

int weir_config_describe(const struct weir_config_option *option, struct weir_buffer *out)
{
	return TYPES[option->type].describe(option, out);
}

static void *member(const struct weir_config_option *option, const struct weir_config *config)
{
	return (char *)(uintptr_t)config + option->offset;
}

static int list_add(struct weir_config_list *list, char *item)
{
	char **grown = reallocarray(list->item, list->count + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	grown[list->count++] = item;
	list->item = grown;
	return 0;
}

void weir_config_clear(const struct weir_config_option *option, struct weir_config *config)
{
	if (TYPES[option->type].member == AS_TEXT) {
		char **text = member(option, config);

		free(*text);
		*text = NULL;
	} else if (TYPES[option->type].member == AS_LIST) {
		struct weir_config_list *list = member(option, config);

		for (unsigned i = 0; i < list->count; i++)
			free(list->item[i]);
		free(list->item);
		*list = (struct weir_config_list){0};
	}
}

static int refuse(const struct weir_config_option *option, const char *text, const char *wrong, const char *where,
		  struct weir_error *err)
{
	struct weir_buffer next;
	char printable[80];
	int rc;

	/* A URL may hold a password that does not belong there; a log is no place for it either. */
	weir_printable(strchr(text, '@') || option->type == WEIR_CONFIG_SNMP_TARGETS ? "…" : text, printable, sizeof(printable));
	weir_buffer_init(&next);
	rc = weir_buffer_text(&next, "it takes ");
	if (!rc)
		rc = weir_config_describe(option, &next);
	rc = weir_error_set(err, rc ? rc : -EINVAL, where, weir_buffer_cstr(&next), "%s: \"%s\": %s", option->path,
			    printable, wrong);
	weir_buffer_done(&next);
	return rc;
}

int weir_config_set(const struct weir_config_option *option, const char *text, const char *where,
		    struct weir_config *config, struct weir_error *err)
{
	uint64_t number = 0;
	const char *wrong = TYPES[option->type].read(option, text, &number);
	char *copy;

	if (wrong)
		return refuse(option, text, wrong, where, err);
	switch (TYPES[option->type].member) {
	case AS_BOOL:
		*(bool *)member(option, config) = number != 0;
		return 0;
	case AS_NUMBER:
		*(uint64_t *)member(option, config) = number;
		return 0;
	case AS_TEXT:
		weir_config_clear(option, config);
		break;
	case AS_LIST:
		if (weir_config_items(option, config) >= option->max)
			return refuse(option, text, "is one too many", where, err);
		break;
	}
	copy = strdup(text);
	if (!copy)
		return weir_error_set(err, -ENOMEM, where, NULL, "there is no memory left");
	if (TYPES[option->type].member == AS_TEXT) {
		*(char **)member(option, config) = copy;
		return 0;
	}
	if (list_add(member(option, config), copy)) {
		free(copy);
		return weir_error_set(err, -ENOMEM, where, NULL, "there is no memory left");
	}
	return 0;
}

bool weir_config_is_list(const struct weir_config_option *option)
{
	return TYPES[option->type].member == AS_LIST;
}

unsigned weir_config_items(const struct weir_config_option *option, const struct weir_config *config)
{
	const struct weir_config_list *list = member(option, config);

	return TYPES[option->type].member == AS_LIST ? list->count : 1;
}

static int print_quoted(const char *text, struct weir_buffer *out)
{
	int rc = weir_buffer_text(out, "\"");

	for (; !rc && *text; text++) {
		if (*text == '"' || *text == '\\')
			rc = weir_buffer_text(out, "\\");
		if (!rc)
			rc = weir_buffer_append(out, text, 1);
	}
	return rc ? rc : weir_buffer_text(out, "\"");
}

int weir_config_print(const struct weir_config_option *option, const struct weir_config *config, unsigned item,
		      struct weir_buffer *out)
{
	const struct type *type = &TYPES[option->type];
	const void *at = member(option, config);
	char text[32];

	switch (type->member) {
	case AS_BOOL:
		return weir_buffer_text(out, *(const bool *)at ? "true" : "false");
	case AS_NUMBER:
		type->print_number(*(const uint64_t *)at, text, sizeof(text));
		return weir_buffer_text(out, text);
	case AS_TEXT:
		if (option->type == WEIR_CONFIG_CHOICE)
			return weir_buffer_text(out, *(char *const *)at);
		return print_quoted(*(char *const *)at, out);
	case AS_LIST:
		return print_quoted(((const struct weir_config_list *)at)->item[item], out);
	}
	return 0;
}
