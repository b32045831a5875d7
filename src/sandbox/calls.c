/* A list of the system calls that a role makes, for seccomp. What is not in it fails with EPERM, but for what nobody calls by
 * mistake: starting a program, or reaching into another process, ends this one on the spot (SIGSYS), which the supervisor
 * logs and answers with a new one.
 *
 * Some calls are allowed for some arguments only: clone for threads (so there is no fork; clone3, whose arguments no filter
 * can see, is said not to exist, and glibc falls back to clone), mmap and mprotect without execution where the role loads no
 * library later, and of the families of sockets the replicator has those of IP (frames of interfaces are not for it). Descriptors
 * are not told apart: openat is there for new segments, and it is Landlock that keeps it to the spool.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "sandbox/parts.h"

#define WEB  WEIR_SANDBOX_WEB
#define SINK (WEIR_SANDBOX_SINK | WEB)
#define COPY WEIR_SANDBOX_REPLICATE
#define ASK  WEIR_SANDBOX_SNMP
#define DISK (WEIR_SANDBOX_COLLECT | SINK | ASK)
#define SEND (SINK | COPY)
#define EACH (WEIR_SANDBOX_COLLECT | SINK | COPY | ASK)

#define PR_SET_VMA_NUMBER 0x53564d41 /* glibc's malloc names its memory in newer versions */

/* clang-format off */
static const struct {
	int number;
	unsigned roles;
} CALLS[] = {
#define CALL(name, roles) {SCMP_SYS(name), roles}
	/* files */
	CALL(openat, EACH),          CALL(close, EACH),           CALL(read, EACH),           CALL(pread64, EACH),
	CALL(readv, EACH),           CALL(write, EACH),           CALL(pwrite64, EACH),       CALL(writev, EACH),
	CALL(lseek, EACH),           CALL(fstat, EACH),           CALL(newfstatat, EACH),     CALL(stat, EACH),
	CALL(lstat, EACH),           CALL(statx, EACH),           CALL(fstatfs, EACH),        CALL(statfs, EACH),
	CALL(access, EACH),          CALL(faccessat, EACH),       CALL(faccessat2, EACH),     CALL(getdents64, DISK),
	CALL(mkdir, DISK),           CALL(mkdirat, DISK),         CALL(rename, EACH),         CALL(renameat, EACH),
	CALL(renameat2, DISK),       CALL(unlink, EACH),          CALL(unlinkat, EACH),       CALL(link, DISK),
	CALL(linkat, DISK),          CALL(ftruncate, DISK),       CALL(fallocate, DISK),      CALL(fadvise64, EACH),
	CALL(fsync, EACH),           CALL(fdatasync, EACH),       CALL(sync_file_range, DISK), CALL(flock, DISK),
	CALL(fcntl, EACH),           CALL(dup, EACH),             CALL(umask, EACH),          CALL(fchmod, DISK),
	CALL(readlink, SEND),        CALL(readlinkat, SEND),      CALL(utimensat, DISK),
	/* sockets that are there, and new sessions on them */
	CALL(recvmmsg, EACH),        CALL(recvmsg, EACH),         CALL(recvfrom, EACH),       CALL(sendmsg, EACH),
	CALL(sendto, EACH),          CALL(sendmmsg, SEND),        CALL(accept4, EACH),        CALL(accept, EACH),
	CALL(shutdown, EACH),        CALL(getsockname, EACH),     CALL(getpeername, EACH),    CALL(getsockopt, EACH),
	CALL(setsockopt, EACH),
	/* sockets to make */
	CALL(socket, SINK),          CALL(connect, SEND | ASK),   CALL(bind, SEND | ASK),           CALL(socketpair, SEND),
	CALL(pipe, SEND),            CALL(pipe2, SEND),
	/* waiting */
	CALL(poll, EACH),            CALL(ppoll, EACH),           CALL(select, EACH),         CALL(pselect6, EACH),
	CALL(epoll_create1, EACH),   CALL(epoll_ctl, EACH),       CALL(epoll_wait, EACH),     CALL(epoll_pwait, EACH),
	CALL(eventfd2, EACH),        CALL(timerfd_create, EACH),  CALL(timerfd_settime, EACH), CALL(restart_syscall, EACH),
	CALL(nanosleep, EACH),       CALL(clock_nanosleep, EACH), CALL(futex, EACH),          CALL(sched_yield, EACH),
	/* time, chance, oneself */
	CALL(clock_gettime, EACH),   CALL(clock_getres, EACH),    CALL(gettimeofday, EACH),   CALL(time, EACH),
	CALL(getrandom, EACH),       CALL(getpid, EACH),          CALL(gettid, EACH),         CALL(getuid, EACH),
	CALL(geteuid, EACH),         CALL(getgid, EACH),          CALL(getegid, EACH),        CALL(getppid, EACH),
	CALL(uname, EACH),           CALL(sysinfo, EACH),         CALL(getrusage, EACH),      CALL(prlimit64, EACH),
	CALL(getrlimit, EACH),       CALL(getcpu, EACH),          CALL(times, EACH),
	/* memory */
	CALL(brk, EACH),             CALL(munmap, EACH),          CALL(mremap, EACH),         CALL(madvise, EACH),
	CALL(mincore, EACH),         CALL(membarrier, EACH),      CALL(mmap, SEND),           CALL(mprotect, SEND),
	/* threads and signals */
	CALL(set_robust_list, EACH), CALL(rseq, EACH),            CALL(exit, EACH),           CALL(exit_group, EACH),
	CALL(sched_getaffinity, EACH), CALL(sched_setaffinity, EACH), CALL(set_tid_address, EACH), CALL(tgkill, EACH),
	CALL(sigaltstack, EACH),     CALL(rt_sigaction, EACH),    CALL(rt_sigprocmask, EACH), CALL(rt_sigreturn, EACH),
	CALL(signalfd4, EACH),
#undef CALL
};

/* A call of which some arguments only are allowed. */
static const struct {
	int number;
	unsigned roles;
	unsigned argument;
	scmp_datum_t mask;
	scmp_datum_t value;
} SOME[] = {
#define ALL_BITS (~(scmp_datum_t)0)
	{SCMP_SYS(clone),    EACH,                 0, CLONE_THREAD, CLONE_THREAD},
	{SCMP_SYS(mmap),     WEIR_SANDBOX_COLLECT | ASK, 2, PROT_EXEC, 0},
	{SCMP_SYS(mprotect), WEIR_SANDBOX_COLLECT | ASK, 2, PROT_EXEC, 0},
	{SCMP_SYS(socket),   COPY | ASK,           0, ALL_BITS,     AF_INET},
	{SCMP_SYS(socket),   COPY | ASK,           0, ALL_BITS,     AF_INET6},
	{SCMP_SYS(socket),   COPY,                 0, ALL_BITS,     AF_UNIX},    /* name services' daemons */
	{SCMP_SYS(socket),   COPY,                 0, ALL_BITS,     AF_NETLINK}, /* getaddrinfo() asks what families there are */
	{SCMP_SYS(prctl),    EACH,                 0, ALL_BITS,     PR_SET_NAME},
	{SCMP_SYS(prctl),    EACH,                 0, ALL_BITS,     PR_SET_VMA_NUMBER},
	{SCMP_SYS(ioctl),    EACH,                 1, ALL_BITS,     FIONREAD},
	{SCMP_SYS(ioctl),    EACH,                 1, ALL_BITS,     FIONBIO},
	{SCMP_SYS(ioctl),    COPY,                 1, ALL_BITS,     SIOCOUTQ},
	{SCMP_SYS(kill),     WEB,                  1, ALL_BITS,     0}, /* whether a process is there */
};

static const struct {
	int number;
	uint32_t action;
} REFUSED[] = {
	{SCMP_SYS(execve),            SCMP_ACT_KILL_PROCESS},
	{SCMP_SYS(execveat),          SCMP_ACT_KILL_PROCESS},
	{SCMP_SYS(ptrace),            SCMP_ACT_KILL_PROCESS},
	{SCMP_SYS(process_vm_readv),  SCMP_ACT_KILL_PROCESS},
	{SCMP_SYS(process_vm_writev), SCMP_ACT_KILL_PROCESS},
	{SCMP_SYS(clone3),            SCMP_ACT_ERRNO(ENOSYS)},
};
/* clang-format on */

/* Negative numbers are calls that this architecture has not. */
static int add(scmp_filter_ctx filter, uint32_t action, int number, unsigned arguments, const struct scmp_arg_cmp *compare)
{
	return number < 0 ? 0 : seccomp_rule_add_array(filter, action, number, arguments, compare);
}

static int add_all(scmp_filter_ctx filter, enum weir_sandbox_calls role)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < sizeof(CALLS) / sizeof(*CALLS); i++) {
		if (CALLS[i].roles & role)
			rc = add(filter, SCMP_ACT_ALLOW, CALLS[i].number, 0, NULL);
	}
	for (size_t i = 0; !rc && i < sizeof(SOME) / sizeof(*SOME); i++) {
		const struct scmp_arg_cmp compare = {SOME[i].argument, SCMP_CMP_MASKED_EQ, SOME[i].mask, SOME[i].value};

		if (SOME[i].roles & role)
			rc = add(filter, SCMP_ACT_ALLOW, SOME[i].number, 1, &compare);
	}
	for (size_t i = 0; !rc && i < sizeof(REFUSED) / sizeof(*REFUSED); i++)
		rc = add(filter, REFUSED[i].action, REFUSED[i].number, 0, NULL);
	return rc;
}

int weir_sandbox_limit_calls(enum weir_sandbox_calls calls)
{
	scmp_filter_ctx filter;
	int rc;

	if (calls == WEIR_SANDBOX_ALL_CALLS)
		return 0;
	filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	if (!filter)
		return -ENOMEM;
	/* The kernel's own error in place of "cancelled". */
	(void)seccomp_attr_set(filter, SCMP_FLTATR_API_SYSRAWRC, 1);
	/* Sorted as a tree: one look costs a dozen comparisons, not a hundred; libseccomp before 2.5 has it not. */
	(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	rc = add_all(filter, calls);
	if (!rc)
		rc = seccomp_load(filter);
	seccomp_release(filter);
	return rc == -EINVAL || rc == -ENOSYS ? -EOPNOTSUPP : rc;
}
