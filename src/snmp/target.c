#include "snmp/target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES   1024
#define PASSWORD_MIN 8 /* RFC 3414 §11.2 */
#define FORM                                                                                                                  \
	"write it as 192.0.2.0/24,community_file=FILE or 192.0.2.0/24,user=NAME,auth=SHA-256,auth_file=FILE,priv=AES,priv_file=FILE"

const char *const weir_snmp_auth_names[WEIR_SNMP_AUTHS] = {
	[WEIR_SNMP_SHA] = "SHA",
	[WEIR_SNMP_SHA224] = "SHA-224",
	[WEIR_SNMP_SHA256] = "SHA-256",
	[WEIR_SNMP_SHA384] = "SHA-384",
	[WEIR_SNMP_SHA512] = "SHA-512",
};

enum key { COMMUNITY_FILE, COMMUNITY_ENV, USER, AUTH, AUTH_FILE, AUTH_ENV, PRIV, PRIV_FILE, PRIV_ENV, PORT, KEYS };

static const char *const KEY_NAMES[KEYS] = {
	[COMMUNITY_FILE] = "community_file", [COMMUNITY_ENV] = "community_env", [USER] = "user",	 [AUTH] = "auth",
	[AUTH_FILE] = "auth_file",	     [AUTH_ENV] = "auth_env",		[PRIV] = "priv",	 [PRIV_FILE] = "priv_file",
	[PRIV_ENV] = "priv_env",	     [PORT] = "port",
};

struct reading {
	char where[48];
	char text[LINE_BYTES];
	const char *value[KEYS]; /* into text; NULL: not given */
	bool secrets;
	struct weir_snmp_target target;
	struct weir_error *err;
};

static int wrong(const struct reading *r, const char *what)
{
	return weir_error_set(r->err, -EINVAL, r->where, FORM, "%s", what);
}

/* KEY=VALUE: the text is cut up. */
static int read_key(struct reading *r, char *text)
{
	char *equals = strchr(text, '=');

	if (equals)
		*equals = '\0';
	for (unsigned k = 0; equals && k < KEYS; k++) {
		if (strcmp(text, KEY_NAMES[k]) != 0)
			continue;
		if (r->value[k] || !equals[1])
			return weir_error_set(r->err, -EINVAL, r->where, FORM, "%s= %s", KEY_NAMES[k], r->value[k] ? "stands twice" : "is empty");
		r->value[k] = equals + 1;
		return 0;
	}
	return wrong(r, "there is a word behind the network that is none of community_file, community_env, user, auth, auth_file, "
			"auth_env, priv, priv_file, priv_env, port; secrets have files of their own");
}

static int read_port(struct reading *r)
{
	char *end;
	unsigned long port = r->value[PORT] ? strtoul(r->value[PORT], &end, 10) : WEIR_SNMP_PORT;

	if (r->value[PORT] && (*end || !port || port > UINT16_MAX))
		return wrong(r, "port= is no port");
	r->target.port = (uint16_t)port;
	return 0;
}

static int read_secret(const struct reading *r, enum key file, enum key environment, size_t least, struct weir_secret *ret_secret)
{
	int rc;

	if (!r->value[file] == !r->value[environment])
		return weir_error_set(r->err, -EINVAL, r->where, FORM, "it needs either %s= or %s=", KEY_NAMES[file], KEY_NAMES[environment]);
	if (!r->secrets)
		return 0;
	rc = r->value[file] ? weir_secret_read_file(r->value[file], ret_secret, r->err)
			    : weir_secret_read_environment(r->value[environment], ret_secret, r->err);
	if (!rc && ret_secret->len < least)
		rc = weir_error_set(r->err, -EINVAL, r->value[file] ? r->value[file] : r->value[environment], NULL,
				    "a password of SNMPv3 has at least %d bytes", PASSWORD_MIN);
	return rc;
}

static int read_v2c(struct reading *r)
{
	for (unsigned k = AUTH; k < PORT; k++) {
		if (r->value[k])
			return weir_error_set(r->err, -EINVAL, r->where, FORM, "%s= needs user=", KEY_NAMES[k]);
	}
	return read_secret(r, COMMUNITY_FILE, COMMUNITY_ENV, 1, &r->target.secret);
}

static int read_v3(struct reading *r)
{
	unsigned auth = 0;
	int rc;

	if (r->value[COMMUNITY_FILE] || r->value[COMMUNITY_ENV])
		return wrong(r, "it has a community and a user; SNMPv2c has the one, SNMPv3 the other");
	if (strlen(r->value[USER]) > WEIR_SNMP_USER_MAX)
		return wrong(r, "user= is longer than 32 bytes");
	while (r->value[AUTH] && auth < WEIR_SNMP_AUTHS && strcmp(r->value[AUTH], weir_snmp_auth_names[auth]) != 0)
		auth++;
	if (!r->value[AUTH] || auth == WEIR_SNMP_AUTHS)
		return wrong(r, "auth= is one of SHA, SHA-224, SHA-256, SHA-384, SHA-512");
	if (!r->value[PRIV] || strcmp(r->value[PRIV], "AES") != 0)
		return wrong(r, "priv= is AES");
	r->target.v3 = true;
	r->target.auth = (enum weir_snmp_auth)auth;
	(void)snprintf(r->target.user, sizeof(r->target.user), "%s", r->value[USER]);
	rc = read_secret(r, AUTH_FILE, AUTH_ENV, PASSWORD_MIN, &r->target.secret);
	return rc ? rc : read_secret(r, PRIV_FILE, PRIV_ENV, PASSWORD_MIN, &r->target.privacy);
}

static int read_line(struct reading *r, const char *line)
{
	char *at = r->text;
	int rc = 0;

	if (strlen(line) >= sizeof(r->text))
		return wrong(r, "the line is too long");
	memcpy(r->text, line, strlen(line) + 1);
	at += strcspn(at, ",");
	if (weir_prefix_parse(r->text, (size_t)(at - r->text), &r->target.prefix) < 0)
		return wrong(r, "it does not begin with a network or an address");
	for (bool last = !*at; !rc && !last;) {
		char *word = at + 1;

		at = word + strcspn(word, ",");
		last = !*at;
		*at = '\0';
		rc = read_key(r, word);
	}
	if (!rc)
		rc = read_port(r);
	if (!rc)
		rc = r->value[USER] ? read_v3(r) : read_v2c(r);
	return rc;
}

int weir_snmp_targets_read(const char *const *line, unsigned lines, bool secrets, struct weir_snmp_targets *ret_targets,
			   struct weir_error *err)
{
	struct weir_snmp_targets targets = {.target = calloc(lines ? lines : 1, sizeof(*targets.target))};
	struct reading *r = calloc(1, sizeof(*r));
	int rc = targets.target && r ? 0 : weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");

	for (unsigned i = 0; !rc && i < lines; i++) {
		*r = (struct reading){.secrets = secrets, .err = err};
		(void)snprintf(r->where, sizeof(r->where), "snmp.targets, number %u", i + 1);
		rc = read_line(r, line[i]);
		targets.target[targets.count++] = r->target;
	}
	if (r)
		explicit_bzero(r, sizeof(*r));
	free(r);
	if (rc)
		weir_snmp_targets_done(&targets);
	else
		*ret_targets = targets;
	return rc;
}

void weir_snmp_targets_done(struct weir_snmp_targets *targets)
{
	for (unsigned i = 0; i < targets->count; i++) {
		weir_secret_done(&targets->target[i].secret);
		weir_secret_done(&targets->target[i].privacy);
	}
	free(targets->target);
	*targets = (struct weir_snmp_targets){0};
}

const struct weir_snmp_target *weir_snmp_targets_find(const struct weir_snmp_targets *targets, const struct weir_addr *exporter)
{
	const struct weir_snmp_target *best = NULL;

	for (unsigned i = 0; i < targets->count; i++) {
		const struct weir_snmp_target *t = &targets->target[i];

		if (weir_prefix_has(&t->prefix, exporter) && (!best || t->prefix.bits > best->prefix.bits))
			best = t;
	}
	return best;
}
