/* What a process gives up once it has opened what it needs, so that whoever takes it over through hostile bytes has gained
 * little: files by Landlock, system calls by seccomp. Neither needs root, and both are for good, for this thread and all
 * that it starts from then on: enter before there are others.
 *
 *            files                                         system calls
 *   collect  writes below the spool and DATA/run, reads    no socket, no connection, no other program or process, no code
 *            nothing else                                  made at run time, no look into other processes
 *   sink     the same, and what resolving a name needs     sockets, but no other program or process
 *   replicate  writes below DATA/run; reads its           sockets of IP, but no other program or process
 *            configuration, and what resolving a name needs
 *   snmp     writes below the spool and DATA/run, reads     sockets of IP, but no TCP connection, no other program or process
 *            nothing else
 *   web      writes DATA/run and the audit log, reads the  as the sink
 *            users
 *   store    its folder; reads the system's libraries and  all: the engine is too large for a list, and what it is asked
 *            settings; no TCP connection to anywhere       is held by its grants
 *
 * Where the kernel (or a container's) has not the one or the other, the process goes on without and the state says why. A
 * build with sanitizers has neither: their run time needs files and calls of its own. */
#ifndef WEIR_SANDBOX_SANDBOX_H
#define WEIR_SANDBOX_SANDBOX_H

#include <stdbool.h>

enum weir_sandbox_calls {
	WEIR_SANDBOX_ALL_CALLS = 0, /* no filter */
	WEIR_SANDBOX_COLLECT = 1,
	WEIR_SANDBOX_SINK = 2,
	WEIR_SANDBOX_REPLICATE = 4,
	WEIR_SANDBOX_WEB = 8,
	WEIR_SANDBOX_SNMP = 16,
};

/* Rights of a file, or of a folder and all below it. */
enum weir_sandbox_right {
	WEIR_SANDBOX_READ = 1,
	WEIR_SANDBOX_WRITE = 2, /* make, change, rename and remove, too */
	WEIR_SANDBOX_LINK = 4,	/* make symbolic links, too */
};

struct weir_sandbox_path {
	const char *path; /* one that is not there is passed over; borrowed */
	unsigned rights;
};

struct weir_sandbox_options {
	const struct weir_sandbox_path *paths; /* ended by a NULL path */
	bool connects;			       /* may open TCP connections */
	enum weir_sandbox_calls calls;
};

struct weir_sandbox_part {
	bool active;
	char why[96]; /* why not, or "" */
};

struct weir_sandbox_state {
	struct weir_sandbox_part files;
	struct weir_sandbox_part calls;
};

void weir_sandbox_enter(const struct weir_sandbox_options *options, struct weir_sandbox_state *ret_state);

#endif
