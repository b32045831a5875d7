#include "cli/run_banner.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <string.h>

#define ADDRESSES_MAX 4

static bool is_reachable(const struct ifaddrs *a)
{
	if (!a->ifa_addr || a->ifa_flags & IFF_LOOPBACK || !(a->ifa_flags & IFF_UP))
		return false;
	if (a->ifa_addr->sa_family == AF_INET)
		return true;
	/* A link-local address is of no use to a router elsewhere. */
	return a->ifa_addr->sa_family == AF_INET6 &&
	       !IN6_IS_ADDR_LINKLOCAL(&((const struct sockaddr_in6 *)(const void *)a->ifa_addr)->sin6_addr);
}

/* "192.0.2.7, 2001:db8::7": where exporters reach this machine. */
static void print_addresses(FILE *out)
{
	struct ifaddrs *all;
	unsigned shown = 0;

	if (getifaddrs(&all)) {
		fputs("this machine", out);
		return;
	}
	for (const struct ifaddrs *a = all; a && shown < ADDRESSES_MAX; a = a->ifa_next) {
		char text[NI_MAXHOST];
		socklen_t len;

		if (!is_reachable(a))
			continue;
		len = a->ifa_addr->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
		if (getnameinfo(a->ifa_addr, len, text, sizeof(text), NULL, 0, NI_NUMERICHOST) == 0)
			fprintf(out, "%s%s", shown++ ? ", " : "", text);
	}
	if (!shown)
		fputs("this machine", out);
	freeifaddrs(all);
}

static bool listens_everywhere(const struct weir_config_list *listen)
{
	for (unsigned i = 0; i < listen->count; i++) {
		if (listen->item[i][0] == '*' || listen->item[i][0] == ':')
			return true;
	}
	return false;
}

static void print_listeners(const char *protocol, const struct weir_config_list *listen, FILE *out)
{
	if (listen->count)
		fprintf(out, "\n              %s", protocol);
	for (unsigned i = 0; i < listen->count; i++)
		fprintf(out, " %s", listen->item[i]);
}

void weir_run_banner_print(const struct weir_run_banner *b, FILE *out)
{
	const struct weir_config_list *listen = &b->role->config.collect_listen;
	const char *program = program_invocation_name;

	fprintf(out, "\nweir %s receives NetFlow, IPFIX and sFlow\n  listens on  UDP", WEIR_VERSION);
	for (unsigned i = 0; i < listen->count; i++)
		fprintf(out, " %s", listen->item[i]);
	print_listeners("TCP", &b->role->config.collect_tcp_listen, out);
	print_listeners("TLS", &b->role->config.collect_tls_listen, out);
	fprintf(out, "\n  data        %s\n  store       %s\n", b->role->data_dir, b->store);
	for (unsigned i = 0; i < b->role->config.web_listen.count; i++)
		fprintf(out, "  page        %s://%s\n", *b->role->config.web_certificate ? "https" : "http",
			b->role->config.web_listen.item[i]);
	for (unsigned i = 0; i < b->role->config.probe_interfaces.count; i++)
		fprintf(out, "%s%s", i ? " " : "  probe       ", b->role->config.probe_interfaces.item[i]);
	if (b->role->config.probe_interfaces.count)
		fputs("\n", out);
	if (b->user)
		fprintf(out, "  runs as     %s\n", b->user);
	if (listens_everywhere(listen)) {
		fputs("\nPoint a router's flow export to one of these ports of ", out);
		print_addresses(out);
		fputs(".\n", out);
	} else {
		fputs("\nPoint a router's flow export to one of these.\n", out);
	}
	fprintf(out, "In another terminal:\n"
		     "  %s status%s                what comes in, and whether all is well\n"
		     "  %s top --by src_addr%s     who sends the most\n"
		     "Ctrl-C stops it.\n\n",
		program, b->options, program, b->options);
	(void)fflush(out);
}
