#include "notify/form.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/human.h"
#include "base/timestamp.h"
#include "flow/addr.h"
#include "flow/text.h"
#include "notify/target.h"
#include "policy/rule.h"

#define VALUE_MAX    1024 /* bytes of one value */
#define BASE64_LINE  57	  /* bytes that make a line of 76 characters */
#define FACILITY     16	  /* local0 */
#define SUBJECT_PART 42	  /* bytes of an encoded word (RFC 2047), which has at most 75 characters */

/* --- values ---------------------------------------------------------------------------------------------------------- */

/* Where a text is to be cut so that no character of UTF-8 is. */
static size_t cut(const char *data, size_t len, size_t max)
{
	if (len <= max)
		return len;
	while (max && ((unsigned char)data[max] & 0xc0) == 0x80)
		max--;
	return max;
}

static int put_text(struct weir_text text, struct weir_buffer *out)
{
	return weir_buffer_append(out, text.data, cut(text.data, text.len, VALUE_MAX));
}

#define TEXT_VALUE(member)                                                                                       \
	static int write_##member(const struct weir_record *event, const char *host, struct weir_buffer *out)    \
	{                                                                                                        \
		(void)host;                                                                                      \
		return put_text(event->member, out);                                                             \
	}
#define NUMBER_VALUE(member)                                                                                     \
	static int write_##member(const struct weir_record *event, const char *host, struct weir_buffer *out)    \
	{                                                                                                        \
		(void)host;                                                                                      \
		return weir_buffer_printf(out, "%" PRIu64, event->member);                                       \
	}
#define ADDR_VALUE(member)                                                                                       \
	static int write_##member(const struct weir_record *event, const char *host, struct weir_buffer *out)    \
	{                                                                                                        \
		char text[WEIR_ADDR_TEXT_MAX];                                                                   \
		(void)host;                                                                                      \
		return weir_buffer_append(out, text, weir_addr_text(&event->member, text));                      \
	}
#define TIME_VALUE(member)                                                                                       \
	static int write_##member(const struct weir_record *event, const char *host, struct weir_buffer *out)    \
	{                                                                                                        \
		struct weir_timestamp cache = {0};                                                               \
		char text[WEIR_TIMESTAMP_LEN];                                                                   \
		(void)host;                                                                                      \
		(void)weir_timestamp_put(&cache, event->member, text);                                           \
		return weir_buffer_append(out, text, sizeof(text));                                              \
	}

TEXT_VALUE(level)
TEXT_VALUE(kind)
TEXT_VALUE(name)
TEXT_VALUE(action)
TEXT_VALUE(subject)
TEXT_VALUE(service)
TEXT_VALUE(filter)
TEXT_VALUE(value)
NUMBER_VALUE(number)
NUMBER_VALUE(flows)
NUMBER_VALUE(bytes)
NUMBER_VALUE(packets)
ADDR_VALUE(client)
ADDR_VALUE(server)
TIME_VALUE(time_ms)
TIME_VALUE(last_ms)

static int write_host(const struct weir_record *event, const char *host, struct weir_buffer *out)
{
	(void)event;
	return weir_buffer_text(out, host);
}

static int write_volume(const struct weir_record *event, const char *host, struct weir_buffer *out)
{
	char text[WEIR_HUMAN_MAX];

	(void)host;
	(void)weir_human_text(event->bytes, text);
	return weir_buffer_printf(out, "%sB", text);
}

/* As chat tools colour a message: red, orange, blue. */
static int write_color(const struct weir_record *event, const char *host, struct weir_buffer *out)
{
	static const char *const COLORS[WEIR_POLICY_LEVELS] = {"2f81f7", "2f81f7", "d29922", "db6d28", "cf222e"};

	(void)host;
	return weir_buffer_text(out, COLORS[weir_notify_level(event->level)]);
}

static int write_color_number(const struct weir_record *event, const char *host, struct weir_buffer *out)
{
	static const unsigned COLORS[WEIR_POLICY_LEVELS] = {0x2f81f7, 0x2f81f7, 0xd29922, 0xdb6d28, 0xcf222e};

	(void)host;
	return weir_buffer_printf(out, "%u", COLORS[weir_notify_level(event->level)]);
}

static const struct weir_notify_value VALUES[] = {
	{"level", "info, notice, warning, error or critical", write_level},
	{"category", "the rule's category", write_kind},
	{"rule", "the rule's name, \"dns/unapproved\"", write_name},
	{"action", "alert or deny", write_action},
	{"subject", "whom the event is about", write_subject},
	{"message", "the rule's message", write_value},
	{"client", "address that opened the connection", write_client},
	{"server", "address that was asked", write_server},
	{"service", "service, or protocol and port", write_service},
	{"filter", "finds the flows behind it: `weir flows FILTER`", write_filter},
	{"flows", "how many flows so far", write_flows},
	{"bytes", "their bytes, scaled by sampling", write_bytes},
	{"packets", "their packets", write_packets},
	{"volume", "their bytes for people, \"1.23MB\"", write_volume},
	{"first", "time of the first flow, RFC 3339", write_time_ms},
	{"last", "time of the last flow so far", write_last_ms},
	{"id", "the event's number, the same each time it is told", write_number},
	{"host", "the machine that weir runs on", write_host},
	{"color", "the level as six hexadecimal digits", write_color},
	{"color_number", "the same as a number", write_color_number},
};

#define VALUES_N (sizeof(VALUES) / sizeof(VALUES[0]))

const struct weir_notify_value *weir_notify_value_at(unsigned index)
{
	return index < VALUES_N ? &VALUES[index] : NULL;
}

/* --- forms ----------------------------------------------------------------------------------------------------------- */

static const struct weir_notify_form FORMS[] = {
	{"json", "application/json",
	 "{\"id\":\"${id}\",\"level\":\"${level}\",\"category\":\"${category}\",\"rule\":\"${rule}\",\"action\":\"${action}\","
	 "\"subject\":\"${subject}\",\"message\":\"${message}\",\"client\":\"${client}\",\"server\":\"${server}\",\"service\":\"${service}\","
	 "\"filter\":\"${filter}\",\"flows\":${flows},\"bytes\":${bytes},\"packets\":${packets},\"first\":\"${first}\",\"last\":\"${last}\","
	 "\"host\":\"${host}\"}",
	 "every value of the event", NULL},
	{"slack", "application/json",
	 "{\"text\":\"*${level}* ${rule}: ${message}\",\"attachments\":[{\"color\":\"#${color}\",\"text\":\"${flows} flows, ${volume}, since ${first}"
	 "\\n`weir flows '${filter}'`\"}]}",
	 "Slack's incoming webhooks", "<"},
	{"mattermost", "application/json",
	 "{\"text\":\"**${level}** ${rule}: ${message}\",\"attachments\":[{\"color\":\"#${color}\",\"fallback\":\"${message}\","
	 "\"text\":\"${flows} flows, ${volume}, since ${first}\\n`weir flows '${filter}'`\"}]}",
	 "Mattermost's and Rocket.Chat's incoming webhooks", "@[<"},
	{"teams", "application/json",
	 "{\"type\":\"message\",\"attachments\":[{\"contentType\":\"application/vnd.microsoft.card.adaptive\",\"content\":{"
	 "\"$schema\":\"http://adaptivecards.io/schemas/adaptive-card.json\",\"type\":\"AdaptiveCard\",\"version\":\"1.4\",\"body\":["
	 "{\"type\":\"TextBlock\",\"weight\":\"bolder\",\"text\":\"${level}: ${rule}\",\"wrap\":true},"
	 "{\"type\":\"TextBlock\",\"text\":\"${message}\",\"wrap\":true},"
	 "{\"type\":\"FactSet\",\"facts\":[{\"title\":\"flows\",\"value\":\"${flows}, ${volume}\"},{\"title\":\"since\",\"value\":\"${first}\"},"
	 "{\"title\":\"filter\",\"value\":\"${filter}\"}]}]}}]}",
	 "a webhook of Microsoft Teams' Workflows: an adaptive card", "[<"},
	{"discord", "application/json",
	 "{\"embeds\":[{\"title\":\"${level}: ${rule}\",\"description\":\"${message}\",\"color\":${color_number},"
	 "\"fields\":[{\"name\":\"flows\",\"value\":\"${flows}, ${volume}\"},{\"name\":\"filter\",\"value\":\"${filter}\"}],\"timestamp\":\"${last}\"}]}",
	 "Discord's webhooks", "@[<"},
	{"google-chat", "application/json; charset=UTF-8",
	 "{\"text\":\"*${level}* ${rule}: ${message}\\n${flows} flows, ${volume}, since ${first}\\n`weir flows '${filter}'`\"}",
	 "Google Chat's webhooks", "<"},
	{"alertmanager", "application/json",
	 "[{\"labels\":{\"alertname\":\"weir_event\",\"severity\":\"${level}\",\"rule\":\"${rule}\",\"category\":\"${category}\","
	 "\"subject\":\"${subject}\",\"instance\":\"${host}\"},\"annotations\":{\"summary\":\"${message}\",\"filter\":\"${filter}\","
	 "\"flows\":\"${flows}\"},\"startsAt\":\"${first}\"}]",
	 "Prometheus Alertmanager's /api/v2/alerts", NULL},
};

#define FORMS_N (sizeof(FORMS) / sizeof(FORMS[0]))

const struct weir_notify_form *weir_notify_form_at(unsigned index)
{
	return index < FORMS_N ? &FORMS[index] : NULL;
}

const struct weir_notify_form *weir_notify_form_find(const char *name)
{
	for (size_t i = 0; i < FORMS_N; i++) {
		if (strcmp(FORMS[i].name, name) == 0)
			return &FORMS[i];
	}
	return NULL;
}

/* The value whose name stands at "${"; *ret_len is the length of it all, and what there is of it where it is none. */
static const struct weir_notify_value *find_value(const char *at, size_t *ret_len)
{
	size_t len = strcspn(at + 2, "}");

	*ret_len = len + 2 + (at[len + 2] == '}');
	for (size_t i = 0; at[len + 2] == '}' && i < VALUES_N; i++) {
		if (strlen(VALUES[i].name) == len && memcmp(VALUES[i].name, at + 2, len) == 0)
			return &VALUES[i];
	}
	return NULL;
}

int weir_notify_form_check(const char *text, char *ret_bad, size_t size)
{
	while ((text = strstr(text, "${"))) {
		size_t len;

		if (!find_value(text, &len)) {
			(void)snprintf(ret_bad, size, "%.*s", (int)len, text);
			return -EINVAL;
		}
		text += len;
	}
	return 0;
}

/* The inside of a JSON string. */
static int put_escaped(const struct weir_buffer *value, struct weir_buffer *work, struct weir_buffer *out)
{
	int rc;

	weir_buffer_reset(work);
	rc = weir_text_json_string(value->data, value->len, work);
	return rc ? rc : weir_buffer_append(out, work->data + 1, work->len - 2);
}

/* What would be markup there is text. A filter stays as it is, for people copy it; nothing in it is a stranger's. */
static int put_plain(const struct weir_buffer *value, const char *markup, struct weir_buffer *work)
{
	int rc = 0;

	weir_buffer_reset(work);
	for (size_t i = 0; !rc && i < value->len; i++) {
		rc = weir_buffer_append(work, &value->data[i], 1);
		if (!rc && value->data[i] && strchr(markup, value->data[i]))
			rc = weir_buffer_text(work, "\xe2\x80\x8b");
	}
	return rc;
}

int weir_notify_write_form(const struct weir_notify_form *form, const struct weir_record *event, const char *host, struct weir_buffer *out)
{
	const char *at = form->text;
	struct weir_buffer value, plain, work;
	int rc = 0;

	weir_buffer_init(&value);
	weir_buffer_init(&plain);
	weir_buffer_init(&work);
	while (!rc && *at) {
		const char *next = strstr(at, "${");
		const struct weir_notify_value *v;
		size_t len = next ? (size_t)(next - at) : strlen(at);

		rc = weir_buffer_append(out, at, len);
		at += len;
		if (rc || !*at)
			break;
		v = find_value(at, &len);
		at += len;
		weir_buffer_reset(&value);
		if (v)
			rc = v->write(event, host, &value);
		if (v && !rc)
			rc = put_plain(&value, form->markup && v->write != write_filter ? form->markup : "", &plain);
		if (v && !rc)
			rc = put_escaped(&plain, &work, out);
	}
	weir_buffer_done(&value);
	weir_buffer_done(&plain);
	weir_buffer_done(&work);
	return rc;
}

/* --- lines ----------------------------------------------------------------------------------------------------------- */

/* A text on one line: control characters are blanks, and what is not UTF-8 is marked. */
static int put_line(const void *data, size_t len, struct weir_buffer *out)
{
	struct weir_buffer json;
	int rc;

	weir_buffer_init(&json);
	/* The JSON writer knows UTF-8: what it escapes besides is undone here, or a blank. */
	rc = weir_text_json_string(data, len, &json);
	for (size_t i = 1; !rc && i + 1 < json.len; i++) {
		char c = (char)json.data[i];

		if (c == '\\') {
			c = (char)json.data[++i];
			i += c == 'u' ? 4 : 0;
			c = c == '"' || c == '\\' || c == '/' ? c : ' ';
		}
		rc = weir_buffer_append(out, c == 0x7f ? " " : &c, 1);
	}
	weir_buffer_done(&json);
	return rc;
}

static int put_value(const char *name, const struct weir_record *event, const char *host, struct weir_buffer *out)
{
	struct weir_buffer value;
	int rc = -EINVAL;

	weir_buffer_init(&value);
	for (size_t i = 0; i < VALUES_N; i++) {
		if (strcmp(VALUES[i].name, name) == 0)
			rc = VALUES[i].write(event, host, &value);
	}
	if (!rc)
		rc = put_line(value.data, value.len, out);
	weir_buffer_done(&value);
	return rc;
}

/* --- syslog ---------------------------------------------------------------------------------------------------------- */

/* RFC 5424, 6.2.1. */
static const unsigned SEVERITIES[WEIR_POLICY_LEVELS] = {6, 5, 4, 3, 2};

/* Structured data; 32473 is the number that RFC 5612 has for those that have none of their own. */
static const char *const PARAMETERS[] = {"rule",  "category", "action", "subject", "client", "server",
					 "service", "flows",  "bytes",  "packets", "first",  "last", "id", "filter"};

/* RFC 5424, 6.3.3: quotes, backslashes and closing brackets have a backslash before them. */
static int put_parameter(const char *name, const struct weir_record *event, const char *host, struct weir_buffer *out)
{
	struct weir_buffer value;
	int rc;

	weir_buffer_init(&value);
	rc = put_value(name, event, host, &value);
	if (!rc)
		rc = weir_buffer_printf(out, " %s=\"", name);
	for (size_t i = 0; !rc && i < value.len; i++) {
		if (strchr("\"\\]", value.data[i]))
			rc = weir_buffer_append(out, "\\", 1);
		if (!rc)
			rc = weir_buffer_append(out, &value.data[i], 1);
	}
	weir_buffer_done(&value);
	return rc ? rc : weir_buffer_append(out, "\"", 1);
}

/* A header's field: printable ASCII without blanks, or "-". */
static int put_field(const char *text, struct weir_buffer *out)
{
	int rc = 0;

	for (const char *p = text; !rc && *p && p - text < 255; p++)
		rc = weir_buffer_append(out, *p > ' ' && *p < 0x7f ? p : "_", 1);
	return rc || *text ? rc : weir_buffer_append(out, "-", 1);
}

int weir_notify_write_syslog(const struct weir_record *event, const char *host, unsigned pid, size_t max, struct weir_buffer *out)
{
	size_t from = out->len;
	int rc = weir_buffer_printf(out, "<%u>1 ", FACILITY * 8 + SEVERITIES[weir_notify_level(event->level)]);

	if (!rc)
		rc = write_last_ms(event, host, out);
	if (!rc)
		rc = weir_buffer_append(out, " ", 1);
	if (!rc)
		rc = put_field(host, out);
	if (!rc)
		rc = weir_buffer_printf(out, " weir %u event [weir@32473", pid);
	for (size_t i = 0; !rc && i < sizeof(PARAMETERS) / sizeof(PARAMETERS[0]); i++)
		rc = put_parameter(PARAMETERS[i], event, host, out);
	if (!rc)
		rc = weir_buffer_text(out, "] ");
	if (!rc)
		rc = put_value("message", event, host, out);
	if (!rc)
		out->len = from + cut((const char *)out->data + from, out->len - from, max);
	return rc;
}

/* --- mail ------------------------------------------------------------------------------------------------------------ */

static int put_base64(const uint8_t *data, size_t len, struct weir_buffer *out)
{
	unsigned char text[BASE64_LINE * 4 / 3 + 4];
	int n = EVP_EncodeBlock(text, data, (int)len);

	return weir_buffer_append(out, text, (size_t)n);
}

/* As encoded words where it is not plain ASCII. */
static int put_subject(const struct weir_buffer *text, struct weir_buffer *out)
{
	bool plain = true;
	int rc = weir_buffer_text(out, "Subject: ");

	for (size_t i = 0; i < text->len; i++)
		plain = plain && text->data[i] < 0x7f;
	plain = plain && !memmem(text->data, text->len, "=?", 2);
	if (plain && !rc)
		rc = weir_buffer_append(out, text->data, text->len);
	for (size_t at = 0; !plain && !rc && at < text->len;) {
		size_t len = cut((const char *)text->data + at, text->len - at, SUBJECT_PART);

		rc = weir_buffer_text(out, at ? "\r\n =?UTF-8?B?" : "=?UTF-8?B?");
		if (!rc)
			rc = put_base64(text->data + at, len, out);
		if (!rc)
			rc = weir_buffer_text(out, "?=");
		at += len;
	}
	return rc ? rc : weir_buffer_text(out, "\r\n");
}

static int write_subject_line(const struct weir_record *event, const char *host, struct weir_buffer *out)
{
	struct weir_buffer text;
	int rc;

	weir_buffer_init(&text);
	rc = weir_buffer_text(&text, "[weir] ");
	if (!rc)
		rc = put_value("level", event, host, &text);
	if (!rc)
		rc = weir_buffer_text(&text, ": ");
	if (!rc)
		rc = put_value("message", event, host, &text);
	text.len = cut((const char *)text.data, text.len, 200);
	if (!rc)
		rc = put_subject(&text, out);
	weir_buffer_done(&text);
	return rc;
}

static int write_headers(const struct weir_record *event, const struct weir_notify_mail *mail, const char *host, struct weir_buffer *out)
{
	time_t now = (time_t)mail->now_s;
	struct tm tm;
	char date[64];
	int rc;

	(void)gmtime_r(&now, &tm);
	(void)strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S +0000", &tm);
	rc = weir_buffer_printf(out, "Date: %s\r\nFrom: weir <%s>\r\n", date, mail->from);
	for (unsigned i = 0; !rc && i < mail->recipients; i++)
		rc = weir_buffer_printf(out, "%s<%s>%s", i ? " " : "To: ", mail->to[i], i + 1 < mail->recipients ? ",\r\n" : "\r\n");
	if (!rc)
		rc = write_subject_line(event, host, out);
	if (!rc)
		rc = weir_buffer_printf(out, "Message-ID: <%" PRIu64 ".%" PRId64 "@", event->number, event->last_ms);
	if (!rc)
		rc = put_field(host, out);
	return rc ? rc
		  : weir_buffer_text(out, ">\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
					  "Content-Transfer-Encoding: base64\r\n\r\n");
}

static const struct {
	const char *before;
	const char *value;
} BODY[] = {
	{"", "message"},
	{"\n\nlevel:    ", "level"},
	{"\nrule:     ", "rule"},
	{"\ncategory: ", "category"},
	{"\naction:   ", "action"},
	{"\nclient:   ", "client"},
	{"\nserver:   ", "server"},
	{"\nservice:  ", "service"},
	{"\nflows:    ", "flows"},
	{"\nvolume:   ", "volume"},
	{"\nfirst:    ", "first"},
	{"\nlast:     ", "last"},
	{"\n\nThe flows behind it:\n  weir flows '", "filter"},
	{"'\n\nweir on ", "host"},
};

int weir_notify_write_mail(const struct weir_record *event, const struct weir_notify_mail *mail, const char *host, struct weir_buffer *out)
{
	struct weir_buffer body;
	int rc = write_headers(event, mail, host, out);

	weir_buffer_init(&body);
	for (size_t i = 0; !rc && i < sizeof(BODY) / sizeof(BODY[0]); i++) {
		rc = weir_buffer_text(&body, BODY[i].before);
		if (!rc)
			rc = put_value(BODY[i].value, event, host, &body);
	}
	if (!rc)
		rc = weir_buffer_append(&body, "\n", 1);
	for (size_t at = 0; !rc && at < body.len; at += BASE64_LINE) {
		rc = put_base64(body.data + at, body.len - at < BASE64_LINE ? body.len - at : BASE64_LINE, out);
		if (!rc)
			rc = weir_buffer_text(out, "\r\n");
	}
	weir_buffer_done(&body);
	return rc;
}
