/* A segment of the spool as a damaged disk may give it back. */
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "spool/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct weir_buffer work;
	static int fd = -1;
	struct weir_error err;
	int rc;

	if (fd < 0)
		fd = memfd_create("segment", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size || lseek(fd, 0, SEEK_SET))
		return 0;
	rc = weir_spool_frame_verify(fd, 70, &work, &err);
	if (rc > 0)
		__builtin_trap();
	return 0;
}
