#include "web/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/timestamp.h"
#include "web/json.h"

#define TAIL_MAX   (4UL * 1024 * 1024)
#define DETAIL_MAX 1000

static int open_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);

	return fd < 0 ? -errno : fd;
}

int weir_web_audit_open(struct weir_web_audit *audit, const char *path, struct weir_error *err)
{
	*audit = (struct weir_web_audit){.fd = -1};
	if (snprintf(audit->path, sizeof(audit->path) - 2, "%s", path) >= (int)sizeof(audit->path) - 2)
		return weir_error_set(err, -ENAMETOOLONG, path, NULL, "the path is too long");
	audit->fd = open_file(path);
	if (audit->fd < 0)
		return weir_error_set(err, audit->fd, path, "give weir's user the right to write there",
				      "the audit log cannot be opened: %s", strerror(-audit->fd));
	(void)pthread_mutex_init(&audit->lock, NULL);
	return 0;
}

void weir_web_audit_close(struct weir_web_audit *audit)
{
	if (audit->fd < 0)
		return;
	(void)close(audit->fd);
	audit->fd = -1;
	(void)pthread_mutex_destroy(&audit->lock);
}

static void rotate(struct weir_web_audit *audit)
{
	char old[sizeof(audit->path) + 2];
	struct stat st;
	int fd;

	if (fstat(audit->fd, &st) || (uint64_t)st.st_size < WEIR_WEB_AUDIT_MAX)
		return;
	(void)snprintf(old, sizeof(old), "%s.1", audit->path);
	if (rename(audit->path, old))
		return;
	fd = open_file(audit->path);
	if (fd < 0)
		return;
	(void)close(audit->fd);
	audit->fd = fd;
}

static int describe(const struct weir_web_audit_entry *e, struct weir_buffer *out)
{
	struct weir_json json = {.out = out};
	struct weir_timestamp cache = {0};
	char time[WEIR_TIMESTAMP_LEN + 1];

	*weir_timestamp_put(&cache, e->time_ms, time) = '\0';
	weir_json_open(&json, NULL, '{');
	weir_json_text(&json, "time", time);
	weir_json_text(&json, "user", e->user);
	weir_json_text(&json, "from", e->from);
	weir_json_text(&json, "action", e->action);
	weir_json_text(&json, "result", e->result);
	if (e->detail)
		weir_json_bytes(&json, "detail", e->detail, strnlen(e->detail, DETAIL_MAX));
	weir_json_close(&json, '}');
	return json.rc ? json.rc : weir_buffer_text(out, "\n");
}

int weir_web_audit_write(struct weir_web_audit *audit, const struct weir_web_audit_entry *entry)
{
	struct weir_buffer line;
	int rc;

	weir_buffer_init(&line);
	rc = describe(entry, &line);
	if (!rc) {
		(void)pthread_mutex_lock(&audit->lock);
		rotate(audit);
		if (write(audit->fd, line.data, line.len) != (ssize_t)line.len)
			rc = errno ? -errno : -EIO;
		(void)pthread_mutex_unlock(&audit->lock);
	}
	weir_buffer_done(&line);
	return rc;
}

int weir_web_audit_read(struct weir_web_audit *audit, unsigned most, struct weir_buffer *out)
{
	struct weir_buffer tail;
	struct stat st;
	ssize_t got = 0;
	size_t end;
	int rc = 0;

	weir_buffer_init(&tail);
	(void)pthread_mutex_lock(&audit->lock);
	if (fstat(audit->fd, &st)) {
		rc = -errno;
	} else {
		size_t want = (uint64_t)st.st_size < TAIL_MAX ? (size_t)st.st_size : TAIL_MAX;

		rc = weir_buffer_reserve(&tail, want + 1);
		if (!rc)
			got = pread(audit->fd, tail.data, want, st.st_size - (off_t)want);
	}
	(void)pthread_mutex_unlock(&audit->lock);
	end = got > 0 ? (size_t)got : 0;
	for (unsigned n = 0; !rc && n < most && end;) {
		size_t start = end - 1; /* the line's own end */

		while (start && tail.data[start - 1] != '\n')
			start--;
		if (tail.data[start] == '{' && tail.data[end - 1] == '\n') {
			rc = n++ ? weir_buffer_text(out, ",") : 0;
			if (!rc)
				rc = weir_buffer_append(out, tail.data + start, end - start - 1);
		}
		end = start;
	}
	weir_buffer_done(&tail);
	return rc;
}
