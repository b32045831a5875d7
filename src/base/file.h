/* Files that people write and weir reads: whole, and again when they have changed. Any thread. */
#ifndef WEIR_BASE_FILE_H
#define WEIR_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

#include "base/buffer.h"

/* Append the file to out: at most size_max + 1 bytes, so that whoever has a limit sees a file that is larger. A negative errno value,
 * and what is in out then does not count. */
int weir_file_read(const char *path, size_t size_max, struct weir_buffer *out) WEIR_MUST_CHECK;

/* A file as it was at a moment; all zero where there was none. */
struct weir_file_stamp {
	struct timespec changed;
	off_t size;
	ino_t inode;
};

struct weir_file_stamp weir_file_stamp(const char *path);
bool weir_file_stamp_same(const struct weir_file_stamp *a, const struct weir_file_stamp *b);

#endif
