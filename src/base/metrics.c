#include "base/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int head(struct weir_buffer *out, const char *name, const char *help, const char *type)
{
	return help ? weir_buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type) : 0;
}

static int sample_name(struct weir_buffer *out, const char *name, const char *labels)
{
	return labels ? weir_buffer_printf(out, "%s{%s} ", name, labels) : weir_buffer_printf(out, "%s ", name);
}

int weir_metrics_counter(struct weir_buffer *out, const char *name, const char *help, const char *labels,
			 uint64_t value)
{
	int rc = head(out, name, help, "counter");

	if (!rc)
		rc = sample_name(out, name, labels);
	return rc ? rc : weir_buffer_printf(out, "%" PRIu64 "\n", value);
}

int weir_metrics_gauge(struct weir_buffer *out, const char *name, const char *help, const char *labels,
		       double value)
{
	int rc = head(out, name, help, "gauge");

	if (!rc)
		rc = sample_name(out, name, labels);
	return rc ? rc : weir_buffer_printf(out, "%.17g\n", value);
}

int weir_metrics_label(struct weir_buffer *out, const char *name, const char *value)
{
	int rc = weir_buffer_printf(out, "%s=\"", name);

	for (; !rc && *value; value++) {
		if (*value == '\n')
			rc = weir_buffer_text(out, "\\n");
		else if (*value == '"' || *value == '\\')
			rc = weir_buffer_printf(out, "\\%c", *value);
		else
			rc = weir_buffer_append(out, value, 1);
	}
	return rc ? rc : weir_buffer_text(out, "\"");
}

static int write_all(int fd, const uint8_t *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

int weir_metrics_publish(const char *path, const struct weir_buffer *text, struct weir_error *err)
{
	char temporary[PATH_MAX];
	int fd, rc;

	if (snprintf(temporary, sizeof(temporary), "%s.tmp", path) >= (int)sizeof(temporary))
		return weir_error_set(err, -ENAMETOOLONG, path, NULL, "the path is too long");
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return weir_error_set(err, -errno, temporary, "check the folder's owner and mode", "%s",
				      strerror(errno));
	rc = write_all(fd, text->data, text->len);
	if (close(fd) && !rc)
		rc = -errno;
	if (!rc && rename(temporary, path))
		rc = -errno;
	if (rc) {
		(void)unlink(temporary);
		return weir_error_set(err, rc, path, "check the disk's free space", "%s", strerror(-rc));
	}
	return 0;
}
