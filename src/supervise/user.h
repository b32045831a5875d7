/* As whom the roles run when `weir run` is started by root.
 *
 *   collect.user "root"  root, with all its powers
 *   collect.user NAME    that user; it is a mistake when it does not exist or cannot reach what it needs
 *   collect.user ""      the data folder's owner unless that is root (a mistake when it cannot reach what it needs); else
 *                        the user "weir" where it exists and can reach that; else root, but without root's powers
 *                        (capabilities)
 *
 * The folders of the data are given to the user where root made them; nothing below them is: what an earlier run
 * as root has left there is named with the command that gives it away. A process that root did not start stays
 * who it is.
 *
 * `weir run` becomes the user itself before it starts anything, so that no process of weir works as root in a folder that
 * another user can write. It keeps the capabilities that collect and replicate may need to start again, and hands them to
 * these alone, which give them up when their sockets are open. */
#ifndef WEIR_SUPERVISE_USER_H
#define WEIR_SUPERVISE_USER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct weir_user {
	char name[32];
	uid_t uid;
	gid_t gid;
	bool change;	    /* become it; else stay who we are */
	bool keep_powers;   /* stay, with all capabilities */
	char warning[768];  /* why it is root after all, and what to do; or empty */
};

struct weir_user_options {
	const char *name;	    /* collect.user; borrowed */
	const char *data_dir;	    /* exists; borrowed */
	const char *const *folders; /* data_dir and what is directly in it, writable; ended by NULL */
	const char *const *files;   /* to be read: the configuration, the library; ended by NULL */
};

/* Decide, and give the folders away. */
int weir_user_choose(const struct weir_user_options *options, struct weir_user *ret_user, struct weir_error *err)
	WEIR_MUST_CHECK;

/* Powers that a role keeps: receive on ports below 1024 and with buffers beyond the system's limit. */
#define WEIR_USER_RECEIVES (1ULL << 10 | 1ULL << 12) /* CAP_NET_BIND_SERVICE, CAP_NET_ADMIN */
/* And to see an interface's packets. */
#define WEIR_USER_LISTENS (1ULL << 13) /* CAP_NET_RAW */
/* Or to send with another's address as the source; the replicator's where it keeps the exporters'. */
#define WEIR_USER_SENDS_RAW (1ULL << 13) /* CAP_NET_RAW */

/* Become the user for good, with no capability but these, which programs that are started keep. */
int weir_user_become(const struct weir_user *user, uint64_t capabilities) WEIR_MUST_CHECK;
/* Give up all capabilities, as whoever this is. */
int weir_user_drop_powers(void) WEIR_MUST_CHECK;
/* Give up all but these; programs that are started keep of them what they would have kept. */
int weir_user_limit_powers(uint64_t capabilities) WEIR_MUST_CHECK;

#endif
