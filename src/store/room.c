#include "store/room.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#define CODE_NOT_ENOUGH_SPACE 243
#define OUT_BYTES             (1UL << 20)

/* ALTER TABLE t DROP PARTITION …, DROP PART …. What only looks like it, as in a comment, is let
 * through: the engine's own reserve is still there. */
static bool makes_room(const struct weir_body *body)
{
	const char *text = (const char *)body->text.data;
	size_t len = body->statement.len < body->text.len ? body->statement.len : body->text.len;

	for (size_t i = 0; i + 9 <= len; i++) {
		if (strncasecmp(text + i, "DROP PART", 9) == 0)
			return true;
	}
	return false;
}

int weir_room_judge(uint64_t free_bytes, const struct weir_body *body,
		    struct weir_request_fault *ret_fault)
{
	if (!body->statement.is_change || free_bytes >= WEIR_ROOM_BYTES_LEAST || makes_room(body))
		return 0;
	ret_fault->code = CODE_NOT_ENOUGH_SPACE;
	ret_fault->status = weir_request_status(CODE_NOT_ENOUGH_SPACE);
	(void)snprintf(ret_fault->text, sizeof(ret_fault->text),
		       "The disk of the store is almost full: %lu MiB are free, and below %lu MiB "
		       "nothing is written",
		       (unsigned long)(free_bytes >> 20), WEIR_ROOM_BYTES_LEAST >> 20);
	return -ENOSPC;
}

bool weir_room_is_out(const char *folder)
{
	struct statvfs fs;

	return statvfs(folder, &fs) == 0 && (uint64_t)fs.f_bavail * fs.f_frsize < OUT_BYTES;
}

int weir_room_check(const char *folder, const struct weir_body *body,
		    struct weir_request_fault *ret_fault)
{
	struct statvfs fs;

	/* Without an answer the engine's own reserve has to do. */
	if (!body->statement.is_change || statvfs(folder, &fs))
		return 0;
	return weir_room_judge((uint64_t)fs.f_bavail * fs.f_frsize, body, ret_fault);
}
