/* The audit log: who did what from where, a JSON object a line, appended to a file that only weir's user reads. When it
 * has grown to WEIR_WEB_AUDIT_MAX it is renamed to NAME.1, in the place of the one before. Any thread. */
#ifndef WEIR_WEB_AUDIT_H
#define WEIR_WEB_AUDIT_H

#include <pthread.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

#define WEIR_WEB_AUDIT_MAX (32UL * 1024 * 1024)

struct weir_web_audit {
	pthread_mutex_t lock;
	char path[4096];
	int fd;
};

struct weir_web_audit_entry {
	int64_t time_ms;
	const char *user;
	const char *from; /* address */
	const char *action;
	const char *result;
	const char *detail; /* or NULL */
};

int weir_web_audit_open(struct weir_web_audit *audit, const char *path, struct weir_error *err) WEIR_MUST_CHECK;
void weir_web_audit_close(struct weir_web_audit *audit);
int weir_web_audit_write(struct weir_web_audit *audit, const struct weir_web_audit_entry *entry) WEIR_MUST_CHECK;
/* The newest entries, newest first, as the items of a JSON array, without its brackets. */
int weir_web_audit_read(struct weir_web_audit *audit, unsigned most, struct weir_buffer *out) WEIR_MUST_CHECK;

#endif
