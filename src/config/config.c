#include "config/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "config/option.h"

void weir_config_done(struct weir_config *config)
{
	for (const struct weir_config_option *o = weir_config_options; config && o->path; o++)
		weir_config_clear(o, config);
}

static int set_standard(const struct weir_config_option *o, struct weir_config *config, struct weir_error *err)
{
	const char *text = o->standard;

	if (!weir_config_is_list(o))
		return weir_config_set(o, text, o->path, config, err);
	while (*text) {
		char item[64];
		size_t n = strcspn(text, " ");
		int rc;

		(void)snprintf(item, sizeof(item), "%.*s", (int)n, text);
		rc = weir_config_set(o, item, o->path, config, err);
		if (rc)
			return rc;
		text += n;
		text += strspn(text, " ");
	}
	return 0;
}

int weir_config_defaults(struct weir_config *ret_config, struct weir_error *err)
{
	struct weir_config config = {0};

	for (const struct weir_config_option *o = weir_config_options; o->path; o++) {
		int rc = set_standard(o, &config, err);

		if (rc) {
			weir_config_done(&config);
			return rc;
		}
	}
	*ret_config = config;
	return 0;
}

static int refuse_file(const char *path, int rc, struct weir_error *err)
{
	const char *next = rc == -ENOENT ? "`weir config show >FILE` makes one, --config FILE names one" :
			   rc == -EISDIR || rc == -EIO ? "name a file of text" : "check the file's owner and mode";

	if (rc == -ENOMEM)
		return weir_error_set(err, rc, path, NULL, "there is no memory left");
	return weir_error_set(err, rc, path, next, "the configuration cannot be read: %s", strerror(-rc));
}

int weir_config_read(const char *path, struct weir_config *ret_config, struct weir_error *err)
{
	struct weir_buffer text;
	int rc;

	if (!path)
		return weir_config_defaults(ret_config, err);
	weir_buffer_init(&text);
	rc = weir_file_read(path, WEIR_CONFIG_SIZE_MAX, &text);
	rc = rc ? refuse_file(path, rc, err) : weir_config_parse(path, (const char *)text.data, text.len, ret_config, err);
	weir_buffer_done(&text);
	return rc;
}

const char *weir_config_find(const char *named)
{
	const char *environment = getenv("WEIR_CONFIG");

	if (named)
		return named;
	if (environment && *environment)
		return environment;
	if (access("weir.yaml", F_OK) == 0)
		return "weir.yaml";
	return access("/etc/weir/weir.yaml", F_OK) == 0 ? "/etc/weir/weir.yaml" : NULL;
}
