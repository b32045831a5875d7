#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#define PIECE 65536

int weir_file_read(const char *path, size_t size_max, struct weir_buffer *out)
{
	FILE *file = fopen(path, "re");
	size_t room = size_max + 1;
	int rc = 0;

	if (!file)
		return -errno;
	while (!rc && room && !feof(file)) {
		size_t piece = room < PIECE ? room : PIECE;
		size_t got;

		rc = weir_buffer_reserve(out, piece);
		if (rc)
			break;
		errno = 0;
		got = fread(out->data + out->len, 1, piece, file);
		out->len += got;
		room -= got;
		if (ferror(file))
			rc = errno ? -errno : -EIO;
	}
	(void)fclose(file);
	return rc;
}

struct weir_file_stamp weir_file_stamp(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return (struct weir_file_stamp){0};
	return (struct weir_file_stamp){.changed = st.st_mtim, .size = st.st_size, .inode = st.st_ino};
}

bool weir_file_stamp_same(const struct weir_file_stamp *a, const struct weir_file_stamp *b)
{
	return a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec && a->size == b->size &&
	       a->inode == b->inode;
}
