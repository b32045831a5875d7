/* For LD_PRELOAD: the wall clock of a program, moved by as many nanoseconds as the file $TEST_CLOCK holds (8 bytes), which the test
 * changes while the program runs. What the kernel tells the program moves with it: the times of datagrams, and until when a
 * condition is waited for. The monotonic clock stays as it is. */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000LL
#define IS_A_DATE(seconds) ((seconds) > 1000000000LL) /* and not since the boot */

static const volatile int64_t nothing;
static const volatile int64_t *set_ns = &nothing;

__attribute__((constructor)) static void map_file(void)
{
	const char *path = getenv("TEST_CLOCK");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *at = fd >= 0 ? mmap(NULL, 8, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;

	if (at != MAP_FAILED)
		set_ns = at;
	if (fd >= 0)
		close(fd);
}

static void move(struct timespec *t, int64_t by_ns)
{
	int64_t ns = t->tv_sec * NS_PER_S + t->tv_nsec + by_ns;

	t->tv_sec = ns / NS_PER_S;
	t->tv_nsec = ns % NS_PER_S;
}

int clock_gettime(clockid_t id, struct timespec *t)
{
	static int (*real)(clockid_t, struct timespec *);
	int rc;

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
	rc = real(id, t);
	if (!rc && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		move(t, *set_ns);
	return rc;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec t;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &t);
	tv->tv_sec = t.tv_sec;
	tv->tv_usec = t.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *ret)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	if (ret)
		*ret = t.tv_sec;
	return t.tv_sec;
}

int recvmmsg(int fd, struct mmsghdr *message, unsigned count, int flags, struct timespec *timeout)
{
	int n = (int)syscall(SYS_recvmmsg, fd, message, count, flags, timeout);

	for (int i = 0; i < n; i++) {
		struct msghdr *h = &message[i].msg_hdr;

		for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
			struct timespec t;

			if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_TIMESTAMPNS)
				continue;
			memcpy(&t, CMSG_DATA(c), sizeof(t));
			move(&t, *set_ns);
			memcpy(CMSG_DATA(c), &t, sizeof(t));
		}
	}
	return n;
}

int pthread_cond_timedwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex, const struct timespec *restrict until)
{
	static int (*real)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
	struct timespec t = *until;

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
	if (IS_A_DATE(t.tv_sec))
		move(&t, -*set_ns);
	return real(cond, mutex, &t);
}
