#include "cli/reload.h"

#include <errno.h>
#include <string.h>

#include "config/option.h"

/* Sections, with the point, and options that some process takes over; what is in none of these needs a restart. */
static const char *const TAKEN_OVER[] = {
	"networks.", "services.", "policy.file", "policy.packs", "threats.", "geo.", "exporters.", "collect.allow", "snmp.", "capacity.", "notify.to",
	"replicate.to", "replicate.keep_source", "replicate.balance",
};

static bool is_taken_over(const char *path)
{
	for (size_t i = 0; i < sizeof(TAKEN_OVER) / sizeof(TAKEN_OVER[0]); i++) {
		size_t len = strlen(TAKEN_OVER[i]);
		bool section = TAKEN_OVER[i][len - 1] == '.';

		if (section ? strncmp(path, TAKEN_OVER[i], len) == 0 : strcmp(path, TAKEN_OVER[i]) == 0)
			return true;
	}
	return false;
}

static int print_all(const struct weir_config_option *o, const struct weir_config *config, struct weir_buffer *out)
{
	int rc = 0;

	for (unsigned i = 0; !rc && i < weir_config_items(o, config); i++) {
		rc = weir_config_print(o, config, i, out);
		if (!rc)
			rc = weir_buffer_text(out, "\n");
	}
	return rc;
}

static bool has_changed(const struct weir_config_option *o, const struct weir_config *before, const struct weir_config *now)
{
	struct weir_buffer a, b;
	bool changed = false;

	weir_buffer_init(&a);
	weir_buffer_init(&b);
	if (print_all(o, before, &a) == 0 && print_all(o, now, &b) == 0)
		changed = a.len != b.len || (a.len && memcmp(a.data, b.data, a.len) != 0);
	weir_buffer_done(&a);
	weir_buffer_done(&b);
	return changed;
}

static void tell_restart(const struct weir_log *log, const struct weir_config *before, const struct weir_config *now)
{
	struct weir_buffer names;
	int rc = 0;

	weir_buffer_init(&names);
	for (const struct weir_config_option *o = weir_config_options; !rc && o->path; o++) {
		if (!is_taken_over(o->path) && has_changed(o, before, now))
			rc = weir_buffer_printf(&names, "%s%s", names.len ? ", " : "", o->path);
	}
	if (!rc && names.len && weir_buffer_cstr(&names))
		weir_log(log, WEIR_LOG_WARN, "a restart is needed for what has changed of %s", weir_buffer_cstr(&names));
	weir_buffer_done(&names);
}

int weir_reload_read(const struct weir_log *log, const char *path, const struct weir_config *before, struct weir_config *ret_config,
		     struct weir_error *err)
{
	int rc;

	if (!*path) {
		weir_log(log, WEIR_LOG_INFO, "there is no configuration to read again: the defaults are in force");
		return -ENOENT;
	}
	rc = weir_config_read(path, ret_config, err);
	if (rc)
		weir_log(log, WEIR_LOG_ERROR, "the configuration that was read before stays in force: %s: %s%s%s", err->where, err->what,
			 *err->next ? "; " : "", err->next);
	else if (before)
		tell_restart(log, before, ret_config);
	return rc;
}
