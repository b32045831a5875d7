/* The configuration for readers: YAML with the help as comments, and the reference in Markdown. */
#include <errno.h>
#include <string.h>

#include "config/option.h"

#define WIDTH 100

/* text as comment lines, each set in by indent blanks. */
static int comment(const char *text, int indent, struct weir_buffer *out)
{
	int rc = 0;

	while (*text && !rc) {
		size_t room = (size_t)(WIDTH - indent - 2);
		size_t n = strlen(text);

		if (n > room) {
			for (n = room; n && text[n] != ' '; n--)
				;
			if (!n)
				n = strcspn(text, " ");
		}
		rc = weir_buffer_printf(out, "%*s# %.*s\n", indent, "", (int)n, text);
		text += n;
		text += strspn(text, " ");
	}
	return rc;
}

static int help(const struct weir_config_option *o, int indent, struct weir_buffer *out)
{
	struct weir_buffer text;
	int rc;

	weir_buffer_init(&text);
	rc = weir_buffer_printf(&text, "%s Takes ", o->help);
	if (!rc)
		rc = weir_config_describe(o, &text);
	if (!rc)
		rc = weir_buffer_text(&text, ".");
	if (!rc)
		rc = weir_buffer_cstr(&text) ? comment((const char *)text.data, indent, out) : -ENOMEM;
	weir_buffer_done(&text);
	return rc;
}

static int show_option(const struct weir_config_option *o, const struct weir_config *config, int indent,
		       struct weir_buffer *out)
{
	int rc = help(o, indent, out);

	if (!rc)
		rc = weir_buffer_printf(out, "%*s%s:", indent, "", weir_config_name(o->path));
	if (!weir_config_is_list(o)) {
		if (!rc)
			rc = weir_buffer_text(out, " ");
		if (!rc)
			rc = weir_config_print(o, config, 0, out);
		return rc ? rc : weir_buffer_text(out, "\n");
	}
	if (!rc)
		rc = weir_buffer_text(out, weir_config_items(o, config) ? "\n" : " []\n");
	for (unsigned i = 0; !rc && i < weir_config_items(o, config); i++) {
		rc = weir_buffer_printf(out, "%*s- ", indent + 2, "");
		if (!rc)
			rc = weir_config_print(o, config, i, out);
		if (!rc)
			rc = weir_buffer_text(out, "\n");
	}
	return rc;
}

/* Whether an option begins a section that the one before it is not in. */
static bool begins_section(const struct weir_config_option *o)
{
	size_t len = weir_config_section_len(o->path);

	return len && (o == weir_config_options || strncmp(o[-1].path, o->path, len + 1) != 0);
}

int weir_config_show(const struct weir_config *config, struct weir_buffer *out)
{
	int rc = comment("The configuration of weir. Sizes are in powers of 1024: 64K, 16M, 10G. Durations: 500ms, 30s, 5m, "
			 "1h, 90d. `weir config check` looks it over.", 0, out);

	for (const struct weir_config_option *o = weir_config_options; !rc && o->path; o++) {
		size_t len = weir_config_section_len(o->path);

		rc = weir_buffer_text(out, "\n");
		if (!rc && begins_section(o))
			rc = weir_buffer_printf(out, "%.*s:\n", (int)len, o->path);
		if (!rc)
			rc = show_option(o, config, len ? 2 : 0, out);
	}
	return rc;
}

static const char INTRODUCTION[] =
	"# Configuration\n"
	"\n"
	"<!-- Made from src/config/options.inc: `weir reference config >doc/configuration.md` -->\n"
	"\n"
	"weir reads one YAML file. A command uses the first of these: the file of `--config FILE`, the file that the\n"
	"environment variable `WEIR_CONFIG` names, `./weir.yaml`, `/etc/weir/weir.yaml`; where there is none, the\n"
	"defaults below. `weir config check` looks a file over and names the place of a mistake; `weir config show`\n"
	"prints everything that is in force, with this help, and is a good start for a file of one's own.\n"
	"\n"
	"What is left out has its default. Sizes are in powers of 1024 (`64K`, `16M`, `10G`), durations have a unit\n"
	"(`500ms`, `30s`, `5m`, `1h`, `90d`, `4w`, `2y`). An address that begins with `*` or `[` needs quotes: YAML has\n"
	"other uses for these. At SIGHUP (`systemctl reload weir`) `weir run` and its processes read the file again: a mistake\n"
	"changes nothing, what is taken over and what needs a restart is in the log (`weir run --help`). Anchors, aliases and tags are not read. No secret stands in the file: a password has a\n"
	"file of its own.\n";

/* A cell of a table; the bar would end it. */
static int cell(const char *text, struct weir_buffer *out)
{
	int rc = 0;

	for (; *text && !rc; text++)
		rc = *text == '|' ? weir_buffer_text(out, "\\|") : weir_buffer_append(out, text, 1);
	return rc;
}

static int document_option(const struct weir_config_option *o, struct weir_buffer *out)
{
	struct weir_buffer text;
	int rc;

	weir_buffer_init(&text);
	rc = weir_config_describe(o, &text);
	if (!rc && !weir_buffer_cstr(&text))
		rc = -ENOMEM;
	if (!rc)
		rc = weir_buffer_printf(out, "| `%s` | %s%s%s | ", o->path, *o->standard ? "`" : "",
					*o->standard ? o->standard : "none", *o->standard ? "`" : "");
	if (!rc)
		rc = cell((const char *)text.data, out);
	if (!rc)
		rc = weir_buffer_text(out, " | ");
	if (!rc)
		rc = cell(o->help, out);
	weir_buffer_done(&text);
	return rc ? rc : weir_buffer_text(out, " |\n");
}

int weir_config_document(struct weir_buffer *out)
{
	static const char HEAD[] = "\n| option | default | takes | what it does |\n| --- | --- | --- | --- |\n";
	int rc = weir_buffer_text(out, INTRODUCTION);

	for (const struct weir_config_option *o = weir_config_options; !rc && o->path; o++) {
		if (begins_section(o))
			rc = weir_buffer_printf(out, "\n## %.*s\n", (int)weir_config_section_len(o->path), o->path);
		if (!rc && (o == weir_config_options || begins_section(o)))
			rc = weir_buffer_text(out, HEAD);
		if (!rc)
			rc = document_option(o, out);
	}
	return rc;
}
