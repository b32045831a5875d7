#include "replicate/spec.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GROUP_STANDARD "collectors"
#define FORM           "write it as HOST:PORT or [IPV6]:PORT, and options behind commas: `weir replicate --help`"
#define PROTOCOLS      "give some of netflow1, netflow5, netflow7, netflow9, ipfix, sflow, other, parted by +"

#define NETWORKS_MAX 256

struct networks {
	const char *item[NETWORKS_MAX]; /* borrowed from the text being parsed */
	unsigned count;
};

struct parsing {
	struct weir_replicate_spec spec;
	struct networks from;
	struct networks except;
	struct weir_error *err;
};

/* --- options ------------------------------------------------------------------------------------------------- */

static int add_network(struct parsing *p, struct networks *networks, const char *value)
{
	if (networks->count == NETWORKS_MAX)
		return weir_error_set(p->err, -E2BIG, p->spec.target, "name larger networks", "more than %d networks",
				      NETWORKS_MAX);
	networks->item[networks->count++] = value;
	return 0;
}

static int set_from(struct parsing *p, const char *value)
{
	return add_network(p, &p->from, value);
}

static int set_except(struct parsing *p, const char *value)
{
	return add_network(p, &p->except, value);
}

static int set_protocol(struct parsing *p, const char *value)
{
	while (*value) {
		size_t len = strcspn(value, "+");
		unsigned i = 0;

		while (i < WEIR_REPLICATE_PROTOCOLS && (strlen(weir_replicate_protocols[i]) != len ||
							memcmp(weir_replicate_protocols[i], value, len) != 0))
			i++;
		if (i == WEIR_REPLICATE_PROTOCOLS)
			return weir_error_set(p->err, -EINVAL, p->spec.target, PROTOCOLS, "\"%.*s\" is no protocol",
					      (int)len, value);
		p->spec.protocols |= 1U << i;
		value += len;
		value += *value == '+';
	}
	return p->spec.protocols ? 0
				 : weir_error_set(p->err, -EINVAL, p->spec.target, PROTOCOLS, "protocol= is empty");
}

static int set_name(struct parsing *p, const char *value)
{
	if (!*value || strlen(value) >= sizeof(p->spec.name))
		return weir_error_set(p->err, -EINVAL, p->spec.target, NULL, "name= takes 1 to %zu characters",
				      sizeof(p->spec.name) - 1);
	(void)snprintf(p->spec.name, sizeof(p->spec.name), "%s", value);
	return 0;
}

static int set_keep_source(struct parsing *p, const char *value)
{
	(void)value;
	p->spec.keep_source = true;
	return 0;
}

static int set_rewrite(struct parsing *p, const char *value)
{
	(void)value;
	p->spec.keep_source = false;
	return 0;
}

static int set_balance(struct parsing *p, const char *value)
{
	if (strlen(value) >= sizeof(p->spec.group))
		return weir_error_set(p->err, -EINVAL, p->spec.target, NULL,
				      "a group's name has at most %zu characters", sizeof(p->spec.group) - 1);
	(void)snprintf(p->spec.group, sizeof(p->spec.group), "%s", *value ? value : GROUP_STANDARD);
	return 0;
}

static int set_health(struct parsing *p, const char *value)
{
	static const char *const SCHEMES[] = {"tcp://", "http://", "https://"};

	p->spec.health = WEIR_REPLICATE_HEALTH_URL;
	if (strcmp(value, "udp") == 0)
		p->spec.health = WEIR_REPLICATE_HEALTH_UDP;
	else if (strcmp(value, "none") == 0)
		p->spec.health = WEIR_REPLICATE_HEALTH_NONE;
	if (p->spec.health != WEIR_REPLICATE_HEALTH_URL)
		return 0;
	for (unsigned i = 0; i < sizeof(SCHEMES) / sizeof(*SCHEMES); i++) {
		size_t len = strlen(SCHEMES[i]);

		if (strncmp(value, SCHEMES[i], len) == 0 && value[len] &&
		    strlen(value) < sizeof(p->spec.health_url)) {
			(void)snprintf(p->spec.health_url, sizeof(p->spec.health_url), "%s", value);
			return 0;
		}
	}
	return weir_error_set(p->err, -EINVAL, p->spec.target,
			      "it takes udp, none, tcp://HOST:PORT, http://HOST:PORT/PATH or https://…",
			      "health=\"%s\" is no check", value);
}

/* Datagrams carry many records, and of NetFlow v9 and IPFIX also what later ones are read with. */
static int refuse_sampling(struct parsing *p, const char *value)
{
	(void)value;
	return weir_error_set(p->err, -EINVAL, p->spec.target,
			      "let the exporters sample, or filter with from= and protocol=",
			      "there is no sampling: to leave out datagrams would lose templates "
			      "and make every count wrong");
}

static const struct {
	const char *name;
	enum { NO_VALUE, MAY, MUST } value;
	int (*set)(struct parsing *p, const char *value);
} OPTIONS[] = {
	{"name",        MUST,     set_name       },
	{"from",        MUST,     set_from       },
	{"except",      MUST,     set_except     },
	{"protocol",    MUST,     set_protocol   },
	{"keep-source", NO_VALUE, set_keep_source},
	{"rewrite",     NO_VALUE, set_rewrite    },
	{"balance",     MAY,      set_balance    },
	{"health",      MUST,     set_health     },
	{"sample",      MAY,      refuse_sampling},
};

static int set_option(struct parsing *p, char *option)
{
	char *value = strchr(option, '=');

	if (value)
		*value++ = '\0';
	for (unsigned i = 0; i < sizeof(OPTIONS) / sizeof(*OPTIONS); i++) {
		if (strcmp(OPTIONS[i].name, option) != 0)
			continue;
		if (value && OPTIONS[i].value == NO_VALUE)
			return weir_error_set(p->err, -EINVAL, p->spec.target, NULL, "%s takes no value", option);
		if (!value && OPTIONS[i].value == MUST)
			return weir_error_set(p->err, -EINVAL, p->spec.target, NULL, "%s needs a value, as %s=…",
					      option, option);
		return OPTIONS[i].set(p, value ? value : "");
	}
	return weir_error_set(p->err, -EINVAL, p->spec.target,
			      "there are name, from, except, protocol, keep-source, rewrite, balance and health",
			      "there is no option \"%s\" of an output", option);
}

/* --- the whole ----------------------------------------------------------------------------------------------- */

static int set_target(struct parsing *p, const char *target)
{
	const char *colon = strrchr(target, ':');
	const char *host = target;
	size_t len = colon ? (size_t)(colon - target) : 0;
	char *end = NULL;
	unsigned long port = colon && isdigit((unsigned char)colon[1]) ? strtoul(colon + 1, &end, 10) : 0;

	if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
		host++;
		len -= 2;
	} else if (memchr(host, ':', len)) {
		len = 0; /* IPv6 without brackets: which colon is the port's? */
	}
	if (!len || !port || port > 65535 || *end || len >= sizeof(p->spec.host) ||
	    strlen(target) >= sizeof(p->spec.target))
		return weir_error_set(p->err, -EINVAL, target, FORM, "this is no address to send to");
	(void)snprintf(p->spec.target, sizeof(p->spec.target), "%s", target);
	(void)snprintf(p->spec.host, sizeof(p->spec.host), "%.*s", (int)len, host);
	(void)snprintf(p->spec.port, sizeof(p->spec.port), "%lu", port);
	return 0;
}

static int make_networks(struct parsing *p)
{
	int rc = 0;

	if (p->from.count)
		rc = weir_allow_new(p->from.item, p->from.count, &p->spec.from, p->err);
	if (!rc && p->except.count)
		rc = weir_allow_new(p->except.item, p->except.count, &p->spec.except, p->err);
	if (rc && p->err)
		(void)snprintf(p->err->where, sizeof(p->err->where), "%.255s", p->spec.target);
	return rc;
}

int weir_replicate_spec_parse(const char *text, const struct weir_replicate_standard *standard,
			      struct weir_replicate_spec *ret_spec, struct weir_error *err)
{
	struct parsing p = {.err = err};
	char copy[WEIR_REPLICATE_TEXT_MAX];
	char *rest = copy;
	int rc;

	if (strlen(text) >= sizeof(copy))
		return weir_error_set(err, -EINVAL, "output", FORM, "an output is at most %zu characters",
				      sizeof(copy) - 1);
	memcpy(p.spec.text, text, strlen(text) + 1);
	memcpy(copy, text, strlen(text) + 1);
	p.spec.keep_source = standard->keep_source;
	rc = set_target(&p, strsep(&rest, ","));
	if (!rc)
		rc = set_name(&p, p.spec.target);
	if (!rc && standard->balance)
		rc = set_balance(&p, "");
	while (!rc && rest)
		rc = set_option(&p, strsep(&rest, ","));
	if (!rc)
		rc = make_networks(&p);
	if (rc)
		weir_replicate_spec_done(&p.spec);
	else
		*ret_spec = p.spec;
	return rc;
}

void weir_replicate_spec_done(struct weir_replicate_spec *spec)
{
	weir_allow_free(spec->from);
	weir_allow_free(spec->except);
	spec->from = NULL;
	spec->except = NULL;
}

bool weir_replicate_spec_takes(const struct weir_replicate_spec *spec, const struct weir_addr *exporter,
			       enum weir_replicate_protocol protocol)
{
	return (!spec->protocols || spec->protocols >> protocol & 1) && weir_allow_has(spec->from, exporter) &&
	       !(spec->except && weir_allow_has(spec->except, exporter));
}
