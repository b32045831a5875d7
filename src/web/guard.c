#include "web/guard.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HOST_MAX 255

/* The host of "host", "host:port", "[v6]:port", without brackets; false for what is none of them. */
static bool split_host(const char *text, char ret_host[HOST_MAX + 1])
{
	const char *start = text;
	const char *rest;
	size_t len;

	if (*text == '[') {
		start++;
		len = strcspn(start, "]");
		if (start[len] != ']')
			return false;
		rest = start + len + 1;
	} else {
		len = strcspn(start, ":");
		rest = start + len;
	}
	if (!len || len > HOST_MAX)
		return false;
	if (*rest == ':' && rest[1]) {
		rest++;
		rest += strspn(rest, "0123456789");
	}
	if (*rest)
		return false;
	memcpy(ret_host, start, len);
	ret_host[len] = '\0';
	return true;
}

bool weir_web_host_is_ours(const char *host, const struct weir_web_names *names)
{
	char name[HOST_MAX + 1];
	struct weir_addr addr;
	size_t len;

	if (!host || !split_host(host, name))
		return false;
	if (weir_addr_parse(name, &addr) == 0)
		return true;
	len = strlen(name);
	if (len && name[len - 1] == '.')
		name[len - 1] = '\0';
	if (strcasecmp(name, "localhost") == 0)
		return true;
	for (unsigned i = 0; i < names->count; i++) {
		if (strcasecmp(name, names->item[i]) == 0)
			return true;
	}
	return false;
}

bool weir_web_origin_is_ours(const struct weir_web_head *head)
{
	const char *authority;

	if (head->fetch_site && strcmp(head->fetch_site, "same-origin") != 0 && strcmp(head->fetch_site, "none") != 0)
		return false;
	if (!head->origin)
		return true;
	authority = strstr(head->origin, "://");
	return authority && head->host && strcasecmp(authority + 3, head->host) == 0;
}

bool weir_web_is_json(const char *content_type)
{
	static const char json[] = "application/json";
	size_t len = sizeof(json) - 1;

	return content_type && strncasecmp(content_type, json, len) == 0 &&
	       (!content_type[len] || content_type[len] == ';' || content_type[len] == ' ');
}

bool weir_web_cookie(const char *header, const char *name, char ret_value[WEIR_WEB_SECRET_TEXT])
{
	size_t name_len = strlen(name);

	for (const char *p = header; p && *p;) {
		size_t len;

		p += strspn(p, " \t;");
		len = strcspn(p, ";");
		if (len == name_len + WEIR_WEB_SECRET_TEXT && strncmp(p, name, name_len) == 0 && p[name_len] == '=') {
			const char *value = p + name_len + 1;

			if (strspn(value, "0123456789abcdef") < WEIR_WEB_SECRET_TEXT - 1)
				return false;
			memcpy(ret_value, value, WEIR_WEB_SECRET_TEXT - 1);
			ret_value[WEIR_WEB_SECRET_TEXT - 1] = '\0';
			return true;
		}
		p += len;
	}
	return false;
}

const char *weir_web_bearer(const char *authorization)
{
	if (!authorization || strncasecmp(authorization, "Bearer ", 7) != 0)
		return NULL;
	return authorization + 7 + strspn(authorization + 7, " ");
}

bool weir_web_prefix_holds(const char *prefix, const struct weir_addr *addr)
{
	char text[WEIR_ADDR_TEXT_MAX];
	size_t len = strcspn(prefix, "/");
	struct weir_addr base;
	unsigned bits = 128;

	if (len >= sizeof(text))
		return false;
	memcpy(text, prefix, len);
	text[len] = '\0';
	if (weir_addr_parse(text, &base))
		return false;
	if (prefix[len]) {
		bits = (unsigned)strtoul(prefix + len + 1, NULL, 10);
		if (weir_addr_is_v4(&base))
			bits += 96;
	}
	for (unsigned i = 0; i < 128 && i < bits; i++) {
		if (((base.byte[i / 8] ^ addr->byte[i / 8]) >> (7 - i % 8)) & 1)
			return false;
	}
	return true;
}

bool weir_web_forwarded(const char *header, struct weir_addr *ret_addr)
{
	char text[WEIR_ADDR_TEXT_MAX];
	const char *last;
	size_t len;

	if (!header)
		return false;
	last = strrchr(header, ',');
	last = last ? last + 1 : header;
	last += strspn(last, " \t");
	len = strcspn(last, " \t");
	if (!len || len >= sizeof(text))
		return false;
	memcpy(text, last, len);
	text[len] = '\0';
	return weir_addr_parse(text, ret_addr) == 0;
}

bool weir_web_same(const char *a, const char *b)
{
	size_t a_len = strlen(a);
	size_t b_len = strlen(b);
	volatile unsigned char differ = a_len != b_len;

	for (size_t i = 0; i < a_len; i++)
		differ |= (unsigned char)(a[i] ^ b[b_len ? i % b_len : 0]);
	return !differ;
}
