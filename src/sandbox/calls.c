/* A list of the system calls that a role makes, for seccomp. What is not in it fails with EPERM, but for what nobody calls by
 * mistake: starting a program, or reaching into another process, ends this one on the spot (SIGSYS), which the supervisor
 * logs and answers with a new one.
 *
 * Three calls are allowed for some arguments only: clone for threads (so there is no fork; clone3, whose arguments no filter
 * can see, is said not to exist, and glibc falls back to clone), and mmap and mprotect without execution where the role
 * loads no library later. Descriptors are not told apart: openat is there for new segments, and it is Landlock that keeps
 * it to the spool. */
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "sandbox/parts.h"

#define BOTH (WEIR_SANDBOX_COLLECT | WEIR_SANDBOX_SINK)
#define SINK WEIR_SANDBOX_SINK

#define PR_SET_VMA_NUMBER 0x53564d41 /* glibc's malloc names its memory in newer versions */

/* clang-format off */
static const struct {
	int number;
	unsigned roles;
} CALLS[] = {
#define CALL(name, roles) {SCMP_SYS(name), roles}
	/* files */
	CALL(openat, BOTH),          CALL(close, BOTH),           CALL(read, BOTH),           CALL(pread64, BOTH),
	CALL(readv, BOTH),           CALL(write, BOTH),           CALL(pwrite64, BOTH),       CALL(writev, BOTH),
	CALL(lseek, BOTH),           CALL(fstat, BOTH),           CALL(newfstatat, BOTH),     CALL(stat, BOTH),
	CALL(lstat, BOTH),           CALL(statx, BOTH),           CALL(fstatfs, BOTH),        CALL(statfs, BOTH),
	CALL(access, BOTH),          CALL(faccessat, BOTH),       CALL(faccessat2, BOTH),     CALL(getdents64, BOTH),
	CALL(mkdir, BOTH),           CALL(mkdirat, BOTH),         CALL(rename, BOTH),         CALL(renameat, BOTH),
	CALL(renameat2, BOTH),       CALL(unlink, BOTH),          CALL(unlinkat, BOTH),       CALL(link, BOTH),
	CALL(linkat, BOTH),          CALL(ftruncate, BOTH),       CALL(fallocate, BOTH),      CALL(fadvise64, BOTH),
	CALL(fsync, BOTH),           CALL(fdatasync, BOTH),       CALL(sync_file_range, BOTH), CALL(flock, BOTH),
	CALL(fcntl, BOTH),           CALL(dup, BOTH),             CALL(umask, BOTH),          CALL(fchmod, BOTH),
	CALL(readlink, SINK),        CALL(readlinkat, SINK),      CALL(utimensat, BOTH),
	/* sockets that are there, and new sessions on them */
	CALL(recvmmsg, BOTH),        CALL(recvmsg, BOTH),         CALL(recvfrom, BOTH),       CALL(sendmsg, BOTH),
	CALL(sendto, BOTH),          CALL(sendmmsg, SINK),        CALL(accept4, BOTH),        CALL(accept, BOTH),
	CALL(shutdown, BOTH),        CALL(getsockname, BOTH),     CALL(getpeername, BOTH),    CALL(getsockopt, BOTH),
	CALL(setsockopt, BOTH),
	/* sockets to make */
	CALL(socket, SINK),          CALL(connect, SINK),         CALL(bind, SINK),           CALL(socketpair, SINK),
	CALL(pipe, SINK),            CALL(pipe2, SINK),
	/* waiting */
	CALL(poll, BOTH),            CALL(ppoll, BOTH),           CALL(select, BOTH),         CALL(pselect6, BOTH),
	CALL(epoll_create1, BOTH),   CALL(epoll_ctl, BOTH),       CALL(epoll_wait, BOTH),     CALL(epoll_pwait, BOTH),
	CALL(eventfd2, BOTH),        CALL(timerfd_create, BOTH),  CALL(timerfd_settime, BOTH), CALL(restart_syscall, BOTH),
	CALL(nanosleep, BOTH),       CALL(clock_nanosleep, BOTH), CALL(futex, BOTH),          CALL(sched_yield, BOTH),
	/* time, chance, oneself */
	CALL(clock_gettime, BOTH),   CALL(clock_getres, BOTH),    CALL(gettimeofday, BOTH),   CALL(time, BOTH),
	CALL(getrandom, BOTH),       CALL(getpid, BOTH),          CALL(gettid, BOTH),         CALL(getuid, BOTH),
	CALL(geteuid, BOTH),         CALL(getgid, BOTH),          CALL(getegid, BOTH),        CALL(getppid, BOTH),
	CALL(uname, BOTH),           CALL(sysinfo, BOTH),         CALL(getrusage, BOTH),      CALL(prlimit64, BOTH),
	CALL(getrlimit, BOTH),       CALL(getcpu, BOTH),          CALL(times, BOTH),
	/* memory */
	CALL(brk, BOTH),             CALL(munmap, BOTH),          CALL(mremap, BOTH),         CALL(madvise, BOTH),
	CALL(mincore, BOTH),         CALL(membarrier, BOTH),      CALL(mmap, SINK),           CALL(mprotect, SINK),
	/* threads and signals */
	CALL(set_robust_list, BOTH), CALL(rseq, BOTH),            CALL(exit, BOTH),           CALL(exit_group, BOTH),
	CALL(sched_getaffinity, BOTH), CALL(sched_setaffinity, BOTH), CALL(set_tid_address, BOTH), CALL(tgkill, BOTH),
	CALL(sigaltstack, BOTH),     CALL(rt_sigaction, BOTH),    CALL(rt_sigprocmask, BOTH), CALL(rt_sigreturn, BOTH),
	CALL(signalfd4, BOTH),
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
	{SCMP_SYS(clone),    BOTH,                 0, CLONE_THREAD, CLONE_THREAD},
	{SCMP_SYS(mmap),     WEIR_SANDBOX_COLLECT, 2, PROT_EXEC,    0},
	{SCMP_SYS(mprotect), WEIR_SANDBOX_COLLECT, 2, PROT_EXEC,    0},
	{SCMP_SYS(prctl),    BOTH,                 0, ALL_BITS,     PR_SET_NAME},
	{SCMP_SYS(prctl),    BOTH,                 0, ALL_BITS,     PR_SET_VMA_NUMBER},
	{SCMP_SYS(ioctl),    BOTH,                 1, ALL_BITS,     FIONREAD},
	{SCMP_SYS(ioctl),    BOTH,                 1, ALL_BITS,     FIONBIO},
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
