#include "probe/counters.h"

#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	TEXT_MAX = 65536,
	/* IANA's ifType. */
	TYPE_OTHER = 1,
	TYPE_ETHERNET = 6,
	TYPE_LOOPBACK = 24,
};

int weir_counters_parse(const char *text, const char *name, struct weir_interface_counters *ret_counters)
{
	struct weir_interface_counters *c = ret_counters;
	size_t len = strlen(name);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		uint64_t in_fifo, out_fifo, in_drop, out_drop, ignored;
		int columns;

		line += strspn(line, " \n");
		if (strncmp(line, name, len) != 0 || line[len] != ':')
			continue;
		/* Receive: bytes packets errs drop fifo frame compressed multicast; transmit: bytes packets errs drop fifo. */
		columns = sscanf(line + len + 1,
				 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64
				 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64,
				 &c->in_bytes, &c->in_packets, &c->in_errors, &in_drop, &in_fifo, &ignored, &ignored, &c->in_multicast,
				 &c->out_bytes, &c->out_packets, &c->out_errors, &out_drop, &out_fifo);
		if (columns != 13)
			return -EIO;
		c->in_discards = in_drop + in_fifo;
		c->out_discards = out_drop + out_fifo;
		return 0;
	}
	return -ENODEV;
}

/* A file of the system, as a text; "" where there is none. */
static void read_file(const char *path, char *ret_text, size_t size)
{
	FILE *file = fopen(path, "re");
	size_t len = file ? fread(ret_text, 1, size - 1, file) : 0;

	ret_text[len] = '\0';
	if (file)
		(void)fclose(file);
}

static void ask_interface(const char *name, struct weir_interface_counters *c)
{
	struct ifreq request = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	c->type = TYPE_OTHER;
	(void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (fd < 0)
		return;
	if (ioctl(fd, SIOCGIFFLAGS, &request) == 0) {
		c->is_up = request.ifr_flags & IFF_UP;
		c->is_running = request.ifr_flags & IFF_RUNNING;
		c->is_promiscuous = request.ifr_flags & IFF_PROMISC;
	}
	if (ioctl(fd, SIOCGIFHWADDR, &request) == 0)
		c->type = request.ifr_hwaddr.sa_family == ARPHRD_ETHER	    ? TYPE_ETHERNET
			  : request.ifr_hwaddr.sa_family == ARPHRD_LOOPBACK ? TYPE_LOOPBACK
									     : TYPE_OTHER;
	(void)close(fd);
}

/* In megabits; virtual interfaces have none, or -1. */
static void ask_speed(const char *name, struct weir_interface_counters *c)
{
	char path[64], text[32];
	long megabits = 0;

	(void)snprintf(path, sizeof(path), "/sys/class/net/%.15s/speed", name);
	read_file(path, text, sizeof(text));
	if (sscanf(text, "%ld", &megabits) == 1 && megabits > 0)
		c->speed_bps = (uint64_t)megabits * 1000000;
}

int weir_counters_read(const char *name, struct weir_interface_counters *ret_counters)
{
	char text[TEXT_MAX];
	int rc;

	*ret_counters = (struct weir_interface_counters){.index = if_nametoindex(name)};
	read_file("/proc/net/dev", text, sizeof(text));
	rc = weir_counters_parse(text, name, ret_counters);
	if (rc)
		return rc;
	ask_interface(name, ret_counters);
	ask_speed(name, ret_counters);
	return 0;
}
