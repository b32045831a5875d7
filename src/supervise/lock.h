/* One `weir run` a data folder: a lock on DATA/run/lock.
 *
 * The descriptor is left open for the children, so that the lock is held until the last of them has ended: who starts
 * `weir run` again after kill -9 of the first one waits for the roles that are still closing their files, and does not
 * fight with them over ports and folders. */
#ifndef WEIR_SUPERVISE_LOCK_H
#define WEIR_SUPERVISE_LOCK_H

#include "base/error.h"

/* Take the lock of the folder, waiting up to wait_ms. -EBUSY: another has it; err names its process. */
int weir_lock_take(const char *run_dir, int wait_ms, int *ret_fd, struct weir_error *err) WEIR_MUST_CHECK;
void weir_lock_release(int fd);

#endif
