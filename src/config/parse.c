/* weir.yaml to struct weir_config: libyaml's events against the schema table.
 *
 *   mapping of sections and options ─▶ section: mapping of options ─▶ value: scalar, or list of scalars
 *
 * The schema bounds the depth: an event that does not stand where the table wants it ends the reading, so that
 * nothing in the file decides how much is kept. Anchors, aliases and tags are refused; they would make one value
 * many. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "config/option.h"
#include "config/suggest.h"

struct reader {
	yaml_parser_t yaml;
	const char *name; /* borrowed: of the file */
	const char *text; /* borrowed */
	size_t len;
	struct weir_config config;
	struct weir_config_place options[WEIR_CONFIG_OPTIONS];
	struct weir_config_place sections[WEIR_CONFIG_OPTIONS]; /* at a section's first option */
	struct weir_error *err;
};

#define WHERE_SIZE 256

static const char *where_of(const struct reader *r, size_t line, size_t column, char ret_where[WHERE_SIZE])
{
	(void)snprintf(ret_where, WHERE_SIZE, "%s:%zu:%zu", r->name, line, column);
	return ret_where;
}

static const char *where(const struct reader *r, const yaml_event_t *e, char ret_where[WHERE_SIZE])
{
	return where_of(r, e->start_mark.line + 1, e->start_mark.column + 1, ret_where);
}

static int syntax_error(struct reader *r)
{
	const yaml_parser_t *y = &r->yaml;
	const char *next = "look at the indentation (blanks, no tabs) and the quotes here and on the line before";
	size_t line = y->problem_mark.line + 1;
	size_t column = y->problem_mark.column + 1;
	char at[WHERE_SIZE];

	if (y->error == YAML_MEMORY_ERROR)
		return weir_error_set(r->err, -ENOMEM, r->name, NULL, "there is no memory left");
	if (y->error == YAML_READER_ERROR) {
		/* Such an error has an offset only. */
		line = 1;
		column = 1;
		for (size_t i = 0; i < y->problem_offset && i < r->len; i++, column++) {
			if (r->text[i] == '\n') {
				line++;
				column = 0;
			}
		}
		next = "save the file as UTF-8 text";
	} else if (y->context && strstr(y->context, "quoted scalar") && strstr(y->problem, "end of stream")) {
		/* The end of the file is no help in finding the quote. */
		return weir_error_set(r->err, -EINVAL,
				      where_of(r, y->context_mark.line + 1, y->context_mark.column + 1, at),
				      "close it on this line", "the quote that opens here is not closed");
	} else if (y->context && strstr(y->context, "alias")) {
		next = "a value that begins with * needs quotes: \"*:2055\"";
	} else if (y->context && strstr(y->context, "anchor")) {
		next = "a value that begins with & needs quotes";
	}
	return weir_error_set(r->err, -EINVAL, where_of(r, line, column, at), next, "this is no YAML: %s",
			      y->problem ? y->problem : "unknown error");
}

static int refuse_reference(struct reader *r, const yaml_event_t *e)
{
	char at[WHERE_SIZE];

	return weir_error_set(r->err, -EINVAL, where(r, e, at),
			      "write the value itself; one that begins with *, & or ! needs quotes: \"*:2055\"",
			      "anchors, aliases and tags are not read");
}

/* The next event, to be deleted by the caller unless the call failed. */
static int next_event(struct reader *r, yaml_event_t *ret_event)
{
	yaml_event_t e;
	bool refused = false;

	if (!yaml_parser_parse(&r->yaml, &e))
		return syntax_error(r);
	if (e.type == YAML_ALIAS_EVENT)
		refused = true;
	else if (e.type == YAML_SCALAR_EVENT)
		refused = e.data.scalar.anchor || e.data.scalar.tag;
	else if (e.type == YAML_SEQUENCE_START_EVENT)
		refused = e.data.sequence_start.anchor || e.data.sequence_start.tag;
	else if (e.type == YAML_MAPPING_START_EVENT)
		refused = e.data.mapping_start.anchor || e.data.mapping_start.tag;
	if (refused) {
		int rc = refuse_reference(r, &e);

		yaml_event_delete(&e);
		return rc;
	}
	*ret_event = e;
	return 0;
}

/* Nothing was written, or that there is nothing. */
static bool is_null(const yaml_event_t *e)
{
	const char *text = (const char *)e->data.scalar.value;

	return e->type == YAML_SCALAR_EVENT && e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (!*text || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
}

static int refuse_form(struct reader *r, const struct weir_config_option *o, const yaml_event_t *e, const char *what)
{
	char at[WHERE_SIZE];
	char next[sizeof(r->err->next)];
	struct weir_buffer takes;
	int rc;

	weir_buffer_init(&takes);
	rc = weir_config_describe(o, &takes);
	(void)snprintf(next, sizeof(next), "it takes %s", rc ? "" : weir_buffer_cstr(&takes));
	weir_buffer_done(&takes);
	return weir_error_set(r->err, rc ? rc : -EINVAL, where(r, e, at), next, "%s %s", o->path, what);
}

static int set_scalar(struct reader *r, const struct weir_config_option *o, const yaml_event_t *e)
{
	const char *text = (const char *)e->data.scalar.value;
	char at[WHERE_SIZE];

	if (is_null(e))
		return weir_error_set(r->err, -EINVAL, where(r, e, at),
				      "write one, or leave the option out to have the default", "%s has no value", o->path);
	if (strlen(text) != e->data.scalar.length)
		return refuse_form(r, o, e, "has a zero byte in its value");
	return weir_config_set(o, text, where(r, e, at), &r->config, r->err);
}

/* The items of a list, after its start. */
static int read_items(struct reader *r, const struct weir_config_option *o)
{
	for (;;) {
		yaml_event_t e;
		int rc = next_event(r, &e);
		bool end = false;

		if (rc)
			return rc;
		if (e.type == YAML_SEQUENCE_END_EVENT) {
			end = true;
			if (weir_config_items(o, &r->config) < o->min)
				rc = refuse_form(r, o, &e, "is an empty list");
		} else if (e.type == YAML_SCALAR_EVENT) {
			rc = set_scalar(r, o, &e);
		} else {
			rc = refuse_form(r, o, &e, "has an item that is no plain text; quotes may be missing");
		}
		yaml_event_delete(&e);
		if (rc || end)
			return rc;
	}
}

static int read_value(struct reader *r, const struct weir_config_option *o)
{
	yaml_event_t e;
	int rc = next_event(r, &e);

	if (rc)
		return rc;
	if (weir_config_is_list(o))
		weir_config_clear(o, &r->config);
	if (e.type == YAML_SCALAR_EVENT)
		rc = set_scalar(r, o, &e);
	else if (e.type == YAML_SEQUENCE_START_EVENT && weir_config_is_list(o))
		rc = read_items(r, o);
	else if (e.type == YAML_SEQUENCE_START_EVENT)
		rc = refuse_form(r, o, &e, "has a list for its value; quotes may be missing");
	else
		rc = refuse_form(r, o, &e, "has options for its value; quotes may be missing");
	yaml_event_delete(&e);
	return rc;
}

static const struct weir_config_option *find_option(const char *section, size_t section_len, const char *name)
{
	for (const struct weir_config_option *o = weir_config_options; o->path; o++) {
		if (weir_config_section_len(o->path) == section_len && memcmp(o->path, section, section_len) == 0 &&
		    strcmp(weir_config_name(o->path), name) == 0)
			return o;
	}
	return NULL;
}

/* The first option of a section. */
static const struct weir_config_option *find_section(const char *name)
{
	size_t len = strlen(name);

	for (const struct weir_config_option *o = weir_config_options; o->path; o++) {
		if (len && weir_config_section_len(o->path) == len && memcmp(o->path, name, len) == 0)
			return o;
	}
	return NULL;
}

/* Note where a key stands; each may stand once. */
static int note_place(struct reader *r, const yaml_event_t *key, struct weir_config_place *place)
{
	char at[WHERE_SIZE];

	if (place->line)
		return weir_error_set(r->err, -EINVAL, where(r, key, at), "merge the two",
				      "\"%s\" is here again; it is on line %u already",
				      (const char *)key->data.scalar.value, place->line);
	place->line = (unsigned)key->start_mark.line + 1;
	place->column = (unsigned)key->start_mark.column + 1;
	return 0;
}

static int unknown_key(struct reader *r, const struct weir_config_option *section, const yaml_event_t *key)
{
	const char *path = section ? section->path : "";
	int len = (int)weir_config_section_len(path);
	char printable[64];
	char next[sizeof(r->err->next)];
	char at[WHERE_SIZE];

	weir_printable((const char *)key->data.scalar.value, printable, sizeof(printable));
	weir_config_suggest(path, (size_t)len, (const char *)key->data.scalar.value, next, sizeof(next));
	return weir_error_set(r->err, -EINVAL, where(r, key, at), next, "there is no option \"%.*s%s%s\"", len, path,
			      len ? "." : "", printable);
}

static int read_section(struct reader *r, const struct weir_config_option *section);

/* A key and what belongs to it; section NULL is the top. */
static int read_entry(struct reader *r, const struct weir_config_option *section, const yaml_event_t *key)
{
	const char *name = (const char *)key->data.scalar.value;
	const struct weir_config_option *o;
	char at[WHERE_SIZE];
	int rc;

	if (key->type != YAML_SCALAR_EVENT)
		return weir_error_set(r->err, -EINVAL, where(r, key, at), "write one as \"name: value\"",
				      "an option's name belongs here");
	if (strlen(name) != key->data.scalar.length)
		return unknown_key(r, section, key);
	o = find_option(section ? section->path : "", section ? weir_config_section_len(section->path) : 0, name);
	if (o) {
		rc = note_place(r, key, &r->options[o - weir_config_options]);
		return rc ? rc : read_value(r, o);
	}
	o = section ? NULL : find_section(name);
	if (!o)
		return unknown_key(r, section, key);
	rc = note_place(r, key, &r->sections[o - weir_config_options]);
	return rc ? rc : read_section(r, o);
}

/* The entries of a mapping, after its start. */
static int read_entries(struct reader *r, const struct weir_config_option *section)
{
	for (;;) {
		yaml_event_t key;
		int rc = next_event(r, &key);
		bool end;

		if (rc)
			return rc;
		end = key.type == YAML_MAPPING_END_EVENT;
		if (!end)
			rc = read_entry(r, section, &key);
		yaml_event_delete(&key);
		if (rc || end)
			return rc;
	}
}

/* What stands at the top, or behind a section's name. Nothing (all of it may be comments) is the defaults. */
static int read_section(struct reader *r, const struct weir_config_option *section)
{
	char at[WHERE_SIZE];
	yaml_event_t e;
	int rc = next_event(r, &e);

	if (rc)
		return rc;
	if (e.type == YAML_MAPPING_START_EVENT)
		rc = read_entries(r, section);
	else if (!is_null(&e) && section)
		rc = weir_error_set(r->err, -EINVAL, where(r, &e, at), "set its options in on the lines below it",
				    "\"%.*s\" is a section and has no value of its own",
				    (int)weir_config_section_len(section->path), section->path);
	else if (!is_null(&e))
		rc = weir_error_set(r->err, -EINVAL, where(r, &e, at), "`weir config show` prints such a file",
				    "the file has no options, as \"data_dir: ./var\"");
	yaml_event_delete(&e);
	return rc;
}

/* The whole stream: no document, or one. */
static int read_stream(struct reader *r)
{
	unsigned documents = 0;

	for (;;) {
		char at[WHERE_SIZE];
		yaml_event_t e;
		int rc = next_event(r, &e);
		bool end;

		if (rc)
			return rc;
		end = e.type == YAML_STREAM_END_EVENT;
		if (e.type == YAML_DOCUMENT_START_EVENT)
			rc = documents++ ? weir_error_set(r->err, -EINVAL, where(r, &e, at), "remove the line \"---\"",
							  "a second document begins here")
					 : read_section(r, NULL);
		yaml_event_delete(&e);
		if (rc || end)
			return rc;
	}
}

int weir_config_parse(const char *name, const char *text, size_t len, struct weir_config *ret_config,
		      struct weir_error *err)
{
	struct reader r = {.name = name, .text = text, .len = len, .err = err};
	int rc;

	if (len > WEIR_CONFIG_SIZE_MAX)
		return weir_error_set(err, -EFBIG, name, "is this the right file?", "the file is larger than %d bytes",
				      WEIR_CONFIG_SIZE_MAX);
	rc = weir_config_defaults(&r.config, err);
	if (rc)
		return rc;
	if (!yaml_parser_initialize(&r.yaml)) {
		weir_config_done(&r.config);
		return weir_error_set(err, -ENOMEM, name, NULL, "there is no memory left");
	}
	yaml_parser_set_input_string(&r.yaml, (const unsigned char *)text, len);
	rc = read_stream(&r);
	yaml_parser_delete(&r.yaml);
	if (!rc)
		rc = weir_config_cross_check(&r.config, name, r.options, err);
	if (rc)
		weir_config_done(&r.config);
	else
		*ret_config = r.config;
	return rc;
}
