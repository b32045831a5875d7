#include "notify/target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "config/quantity.h"
#include "policy/rule.h"

#define FORM	    "write it as NAME URL [OPTION=VALUE]...: `weir reference notify`"
#define SECRET_MAX  4096
#define TEMPLATE_MAX 65536
#define TEXT_MAX    4096

/* --- schemes --------------------------------------------------------------------------------------------------------- */

static const struct scheme {
	const char *name;
	enum weir_notify_kind kind;
	const char *curl; /* the scheme that libcurl knows it by; NULL: not libcurl's */
	const char *port;
	const char *help;
} SCHEMES[] = {
	{"syslog://", WEIR_NOTIFY_SYSLOG_UDP, NULL, "514", "syslog over UDP (RFC 5426); what is lost on the way nobody notices"},
	{"syslog+tcp://", WEIR_NOTIFY_SYSLOG_TCP, "http://", "601", "syslog over TCP, with octet counting (RFC 6587)"},
	{"syslog+tls://", WEIR_NOTIFY_SYSLOG_TLS, "https://", "6514", "syslog over TLS (RFC 5425); the server's certificate is checked"},
	{"http://", WEIR_NOTIFY_WEBHOOK, "http://", "", "webhook: each event is a POST"},
	{"https://", WEIR_NOTIFY_WEBHOOK, "https://", "", "webhook over TLS"},
	{"smtp://", WEIR_NOTIFY_MAIL, "smtp://", "25", "mail, with STARTTLS where the server has it, and always where there is user="},
	{"smtps://", WEIR_NOTIFY_MAIL, "smtps://", "465", "mail over TLS from the start"},
};

#define SCHEMES_N (sizeof(SCHEMES) / sizeof(SCHEMES[0]))

/* Host and port of what stands behind the scheme. */
static int split_host(const char *rest, const struct scheme *scheme, struct weir_notify_target *t)
{
	size_t len = strcspn(rest, "/?#");
	const char *port;
	size_t host;

	if (memchr(rest, '@', len))
		return -EACCES;
	host = *rest == '[' ? strcspn(rest, "]") : strcspn(rest, ":/?#");
	port = rest + host + (*rest == '[');
	rest += *rest == '[';
	host -= rest[-1] == '[';
	if (!host || host >= sizeof(t->host) || port > rest + len)
		return -EINVAL;
	(void)snprintf(t->host, sizeof(t->host), "%.*s", (int)host, rest);
	if (*port != ':') {
		(void)snprintf(t->port, sizeof(t->port), "%s", scheme->port);
		return 0;
	}
	host = strcspn(++port, "/?#");
	if (!host || host >= sizeof(t->port) || strspn(port, "0123456789") < host)
		return -EINVAL;
	(void)snprintf(t->port, sizeof(t->port), "%.*s", (int)host, port);
	return 0;
}

static int set_url(const char *url, struct weir_notify_target *t, struct weir_error *err)
{
	const struct scheme *scheme = SCHEMES;
	const char *path;
	bool bracket;
	int rc;

	while (scheme < SCHEMES + SCHEMES_N && strncmp(url, scheme->name, strlen(scheme->name)) != 0)
		scheme++;
	if (scheme == SCHEMES + SCHEMES_N)
		return weir_error_set(err, -EINVAL, t->name, "it begins with syslog://, syslog+tcp://, syslog+tls://, http://, https://, smtp:// "
					      "or smtps://", "its URL has no scheme that weir can send to");
	t->kind = scheme->kind;
	url += strlen(scheme->name);
	rc = split_host(url, scheme, t);
	if (rc == -EACCES)
		return weir_error_set(err, -EINVAL, t->name, "give user= and password_file=", "its URL holds a user or a password");
	if (rc)
		return weir_error_set(err, rc, t->name, FORM, "its URL has no HOST, or no number as its port");
	bracket = strchr(t->host, ':') != NULL;
	(void)snprintf(t->shown, sizeof(t->shown), "%s%s%s%s%s%s", scheme->name, bracket ? "[" : "", t->host, bracket ? "]" : "",
		       *t->port ? ":" : "", t->port);
	path = t->kind == WEIR_NOTIFY_WEBHOOK ? url + strcspn(url, "/?#") : "";
	if ((size_t)snprintf(t->url, sizeof(t->url), "%s%s%s%s%s%s%s", scheme->curl ? scheme->curl : "", bracket ? "[" : "", t->host,
			     bracket ? "]" : "", *t->port ? ":" : "", t->port, path) >= sizeof(t->url))
		return weir_error_set(err, -ENAMETOOLONG, t->name, NULL, "its URL is longer than %d characters", WEIR_NOTIFY_URL_MAX - 1);
	return 0;
}

bool weir_notify_scheme_at(unsigned index, const char **ret_name, const char **ret_help)
{
	if (index >= SCHEMES_N)
		return false;
	*ret_name = SCHEMES[index].name;
	*ret_help = SCHEMES[index].help;
	return true;
}

/* --- options --------------------------------------------------------------------------------------------------------- */

static int read_file(const char *path, size_t max, struct weir_buffer *out, const struct weir_notify_target *t, struct weir_error *err)
{
	int rc = weir_file_read(path, max, out);

	if (rc)
		return weir_error_set(err, rc, path, "the user that weir runs as must be able to read it", "cannot be read for the target %s: %s",
				      t->name, strerror(-rc));
	return out->len > max ? weir_error_set(err, -EFBIG, path, NULL, "is larger than %zu bytes", max) : 0;
}

/* The first line of a file. */
static int read_secret(const char *path, char *secret, size_t size, const struct weir_notify_target *t, struct weir_error *err)
{
	struct weir_buffer text;
	const char *line;
	int rc;

	weir_buffer_init(&text);
	rc = read_file(path, SECRET_MAX, &text, t, err);
	line = rc ? NULL : weir_buffer_cstr(&text);
	if (!rc && !line)
		rc = weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	if (!rc && ((size_t)snprintf(secret, size, "%.*s", (int)strcspn(line, "\r\n"), line) >= size || !*secret))
		rc = weir_error_set(err, -EINVAL, path, NULL, "its first line is empty, or longer than %zu characters", size - 1);
	if (text.data)
		explicit_bzero(text.data, text.cap);
	weir_buffer_done(&text);
	return rc;
}

static int set_text(const char *value, char *member, size_t size, struct weir_notify_target *t, struct weir_error *err)
{
	if (!*value || (size_t)snprintf(member, size, "%s", value) >= size)
		return weir_error_set(err, -EINVAL, t->name, NULL, "\"%.40s\": it takes 1 to %zu characters", value, size - 1);
	return 0;
}

static int set_level(const char *value, struct weir_notify_target *t, struct weir_error *err)
{
	for (t->level = 0; t->level < WEIR_POLICY_LEVELS; t->level++) {
		if (strcmp(value, weir_policy_level_names[t->level]) == 0)
			return 0;
	}
	return weir_error_set(err, -EINVAL, t->name, "it is info, notice, warning, error or critical", "level=%.40s: there is no such level",
			      value);
}

/* Words parted by "+". */
static int set_words(const char *value, struct weir_notify_words *words, struct weir_notify_target *t, struct weir_error *err)
{
	while (*value) {
		size_t len = strcspn(value, "+");

		if (words->count == WEIR_NOTIFY_WORDS_MAX || !len || len >= sizeof(words->word[0]))
			return weir_error_set(err, -EINVAL, t->name, "part them by +", "at most %d words, each of 1 to %zu characters",
					      WEIR_NOTIFY_WORDS_MAX, sizeof(words->word[0]) - 1);
		(void)snprintf(words->word[words->count++], sizeof(words->word[0]), "%.*s", (int)len, value);
		value += len;
		value += *value == '+';
	}
	return 0;
}

static int set_category(const char *value, struct weir_notify_target *t, struct weir_error *err)
{
	return set_words(value, &t->categories, t, err);
}

static int set_rule(const char *value, struct weir_notify_target *t, struct weir_error *err)
{
	return set_words(value, &t->rules, t, err);
}

static int set_form(const char *value, struct weir_notify_target *t, struct weir_error *err)
{
	t->form = weir_notify_form_find(value);
	return t->form ? 0
		       : weir_error_set(err, -EINVAL, t->name, "`weir reference notify` lists them; template=FILE is for your own",
					"form=%.40s: there is no such form", value);
}

static int set_template(const char *value, struct weir_notify_target *t, struct weir_error *err)
{
	char bad[64];
	const char *text;
	int rc;

	weir_buffer_reset(&t->form_text);
	rc = read_file(value, TEMPLATE_MAX, &t->form_text, t, err);
	if (rc)
		return rc;
	text = weir_buffer_cstr(&t->form_text);
	if (!text)
		return weir_error_set(err, -ENOMEM, NULL, NULL, "out of memory");
	if (weir_notify_form_check(text, bad, sizeof(bad)))
		return weir_error_set(err, -EINVAL, value, "`weir reference notify` lists what there is", "\"%s\" stands for nothing", bad);
	t->own_form = (struct weir_notify_form){.name = "template", .content_type = "application/json", .text = text};
	t->form = &t->own_form;
	return 0;
}

/* An address, in a header and in a command of SMTP. */
static int set_address(const char *value, char *member, size_t size, struct weir_notify_target *t, struct weir_error *err)
{
	for (const char *p = value; *p; p++) {
		if ((unsigned char)*p <= ' ' || *p == 0x7f || strchr("<>\",;:\\", *p))
			return weir_error_set(err, -EINVAL, t->name, "write it as soc@example.com", "\"%.60s\" is no mail address", value);
	}
	if (!strchr(value, '@'))
		return weir_error_set(err, -EINVAL, t->name, "write it as soc@example.com", "\"%.60s\" is no mail address", value);
	return set_text(value, member, size, t, err);
}

static int set_from(const char *value, struct weir_notify_target *t, struct weir_error *err)
{
	return set_address(value, t->from, sizeof(t->from), t, err);
}

static int set_to(const char *value, struct weir_notify_target *t, struct weir_error *err)
{
	if (t->recipients == WEIR_NOTIFY_RECIPIENTS_MAX)
		return weir_error_set(err, -E2BIG, t->name, "use a mailing list", "more than %d recipients", WEIR_NOTIFY_RECIPIENTS_MAX);
	return set_address(value, t->to[t->recipients++], sizeof(t->to[0]), t, err);
}

static int set_user(const char *value, struct weir_notify_target *t, struct weir_error *err)
{
	return set_text(value, t->user, sizeof(t->user), t, err);
}

static int set_password_file(const char *value, struct weir_notify_target *t, struct weir_error *err)
{
	return read_secret(value, t->password, sizeof(t->password), t, err);
}

static int set_token_file(const char *value, struct weir_notify_target *t, struct weir_error *err)
{
	return read_secret(value, t->token, sizeof(t->token), t, err);
}

static int set_url_file(const char *value, struct weir_notify_target *t, struct weir_error *err)
{
	char url[WEIR_NOTIFY_URL_MAX];
	enum weir_notify_kind kind = t->kind;
	int rc = read_secret(value, url, sizeof(url), t, err);

	if (!rc)
		rc = set_url(url, t, err);
	explicit_bzero(url, sizeof(url));
	if (!rc && (kind != WEIR_NOTIFY_WEBHOOK || t->kind != kind))
		rc = weir_error_set(err, -EINVAL, t->name, NULL, "url_file= is for webhooks");
	return rc;
}

static int set_ca(const char *value, struct weir_notify_target *t, struct weir_error *err)
{
	return set_text(value, t->ca, sizeof(t->ca), t, err);
}

static int set_repeat(const char *value, struct weir_notify_target *t, struct weir_error *err)
{
	return weir_duration_parse(value, &t->repeat_ms)
		       ? weir_error_set(err, -EINVAL, t->name, "write it as 15m or 1h", "repeat=%.40s is no duration", value)
		       : 0;
}

static int set_per_minute(const char *value, struct weir_notify_target *t, struct weir_error *err)
{
	if (weir_number_parse(value, &t->per_minute) || !t->per_minute || t->per_minute > 6000)
		return weir_error_set(err, -EINVAL, t->name, "it takes a number from 1 to 6000", "per_minute=%.40s", value);
	return 0;
}

#define OF(kind)   (1U << WEIR_NOTIFY_##kind)
#define ALL_KINDS  (OF(SYSLOG_UDP) | OF(SYSLOG_TCP) | OF(SYSLOG_TLS) | OF(WEBHOOK) | OF(MAIL))
#define HTTP_KINDS OF(WEBHOOK)
#define MAIL_KINDS OF(MAIL)
#define TLS_KINDS  (OF(SYSLOG_TLS) | OF(WEBHOOK) | OF(MAIL))

static const struct option {
	const char *name;
	const char *argument;
	unsigned kinds; /* that take it */
	int (*set)(const char *value, struct weir_notify_target *t, struct weir_error *err);
	const char *help;
} OPTIONS[] = {
	{"level", "LEVEL", ALL_KINDS, set_level, "only events of this level or worse; warning unless given"},
	{"category", "C[+C]...", ALL_KINDS, set_category, "only events of these categories"},
	{"rule", "R[+R]...", ALL_KINDS, set_rule, "only events of these rules; \"dns/\" is all of the pack dns"},
	{"repeat", "DURATION", ALL_KINDS, set_repeat, "an event that goes on is told again after so long at the earliest; 15m unless given"},
	{"per_minute", "N", ALL_KINDS, set_per_minute, "more events in a minute are held back, and told of as one; 30 unless given"},
	{"form", "NAME", HTTP_KINDS, set_form, "what is posted: json unless given"},
	{"template", "FILE", HTTP_KINDS, set_template, "what is posted, in place of a form: a text with ${name} in it"},
	{"url_file", "FILE", HTTP_KINDS, set_url_file, "the URL is the first line of that file, for the paths of many are secrets"},
	{"token_file", "FILE", HTTP_KINDS, set_token_file, "its first line goes along as \"Authorization: Bearer\""},
	{"from", "ADDRESS", MAIL_KINDS, set_from, "the mail's sender"},
	{"to", "ADDRESS", MAIL_KINDS, set_to, "a recipient; may stand several times"},
	{"user", "NAME", MAIL_KINDS, set_user, "log in to the mail server, over TLS only"},
	{"password_file", "FILE", MAIL_KINDS, set_password_file, "its first line is the password"},
	{"ca", "FILE", TLS_KINDS, set_ca, "certificates to trust, in place of the system's"},
};

#define OPTIONS_N (sizeof(OPTIONS) / sizeof(OPTIONS[0]))

bool weir_notify_option_at(unsigned index, const char **ret_name, const char **ret_help)
{
	static char name[OPTIONS_N][48];

	if (index >= OPTIONS_N)
		return false;
	(void)snprintf(name[index], sizeof(name[index]), "%s=%s", OPTIONS[index].name, OPTIONS[index].argument);
	*ret_name = name[index];
	*ret_help = OPTIONS[index].help;
	return true;
}

static int set_option(char *word, struct weir_notify_target *t, struct weir_error *err)
{
	size_t len = strcspn(word, "=");

	for (size_t i = 0; word[len] && i < OPTIONS_N; i++) {
		if (strlen(OPTIONS[i].name) != len || memcmp(OPTIONS[i].name, word, len) != 0)
			continue;
		if (!(OPTIONS[i].kinds & 1U << t->kind))
			return weir_error_set(err, -EINVAL, t->name, NULL, "%s= is not for %s", OPTIONS[i].name, t->shown);
		return OPTIONS[i].set(word + len + 1, t, err);
	}
	return weir_error_set(err, -EINVAL, t->name, FORM, "\"%.40s\" is no option", word);
}

/* --- the target ------------------------------------------------------------------------------------------------------ */

static bool is_name(const char *name)
{
	return *name && strlen(name) < WEIR_NOTIFY_NAME_MAX && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") == strlen(name) &&
	       *name != '-' && *name != '_';
}

static int check_whole(const struct weir_notify_target *t, struct weir_error *err)
{
	if (t->kind == WEIR_NOTIFY_MAIL && (!*t->from || !t->recipients))
		return weir_error_set(err, -EINVAL, t->name, "add from=weir@example.com to=soc@example.com", "mail needs a sender and a recipient");
	if (!*t->user != !*t->password)
		return weir_error_set(err, -EINVAL, t->name, NULL, "user= and password_file= go together");
	return 0;
}

int weir_notify_target_parse(const char *text, struct weir_notify_target *ret_target, struct weir_error *err)
{
	struct weir_notify_target *t = ret_target;
	char copy[TEXT_MAX];
	char *rest = copy;
	char *word;
	int rc = 0;

	*t = (struct weir_notify_target){.level = WEIR_POLICY_WARNING, .repeat_ms = 900000, .per_minute = 30, .form = weir_notify_form_find("json")};
	weir_buffer_init(&t->form_text);
	if ((size_t)snprintf(copy, sizeof(copy), "%s", text) >= sizeof(copy))
		return weir_error_set(err, -EINVAL, NULL, NULL, "a target of more than %d characters", TEXT_MAX - 1);
	word = strtok_r(copy, " \t", &rest);
	if (!word || !is_name(word))
		return weir_error_set(err, -EINVAL, word, FORM, "a target begins with its name, of at most %d of the characters a-z, 0-9, - and _",
				      WEIR_NOTIFY_NAME_MAX - 1);
	(void)snprintf(t->name, sizeof(t->name), "%s", word);
	word = strtok_r(NULL, " \t", &rest);
	if (!word)
		return weir_error_set(err, -EINVAL, t->name, FORM, "it has no URL");
	rc = set_url(word, t, err);
	while (!rc && (word = strtok_r(NULL, " \t", &rest)))
		rc = set_option(word, t, err);
	if (!rc)
		rc = check_whole(t, err);
	if (rc)
		weir_notify_target_done(t);
	return rc;
}

void weir_notify_target_done(struct weir_notify_target *target)
{
	weir_buffer_done(&target->form_text);
	explicit_bzero(target->password, sizeof(target->password));
	explicit_bzero(target->token, sizeof(target->token));
	explicit_bzero(target->url, sizeof(target->url));
}

static bool is_word(struct weir_text text, const char *word)
{
	return text.len == strlen(word) && memcmp(text.data, word, text.len) == 0;
}

unsigned weir_notify_level(struct weir_text level)
{
	for (unsigned i = 0; i < WEIR_POLICY_LEVELS; i++) {
		if (is_word(level, weir_policy_level_names[i]))
			return i;
	}
	return 0;
}

static bool has_category(const struct weir_notify_words *words, struct weir_text category)
{
	for (unsigned i = 0; i < words->count; i++) {
		if (is_word(category, words->word[i]))
			return true;
	}
	return !words->count;
}

static bool has_rule(const struct weir_notify_words *words, struct weir_text rule)
{
	for (unsigned i = 0; i < words->count; i++) {
		size_t len = strlen(words->word[i]);
		bool pack = words->word[i][len - 1] == '/';

		if (pack ? rule.len > len && memcmp(rule.data, words->word[i], len) == 0 : is_word(rule, words->word[i]))
			return true;
	}
	return !words->count;
}

bool weir_notify_target_wants(const struct weir_notify_target *target, const struct weir_record *event)
{
	return weir_notify_level(event->level) >= target->level && has_category(&target->categories, event->kind) &&
	       has_rule(&target->rules, event->name);
}
