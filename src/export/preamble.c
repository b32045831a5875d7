#include "export/preamble.h"

#include <string.h>

#include "base/cursor.h"
#include "base/writer.h"
#include "export/message.h"

enum {
	HEADER_BYTES = 16,
	SET_HEADER_BYTES = 4,
	SEQUENCE_AT = 8,
	SET_TEMPLATES = 2,
	SET_OPTIONS_TEMPLATES = 3,
};

void weir_preamble_reset(struct weir_preamble *preamble)
{
	preamble->len = 0;
	preamble->records = 0;
	preamble->overflow = false;
}

/* The same set was told already. */
static bool has(const struct weir_preamble *p, const uint8_t *set, size_t len)
{
	for (size_t at = 0; at + SET_HEADER_BYTES <= p->len;) {
		size_t there = weir_be16(p->data + at + 2);

		if (there == len && memcmp(p->data + at, set, len) == 0)
			return true;
		at += there;
	}
	return false;
}

void weir_preamble_note(struct weir_preamble *preamble, const uint8_t *message, size_t len, unsigned interfaces)
{
	struct weir_preamble *p = preamble;

	for (size_t at = HEADER_BYTES; at + SET_HEADER_BYTES <= len;) {
		unsigned id = weir_be16(message + at);
		size_t bytes = weir_be16(message + at + 2);
		bool options = id == WEIR_TEMPLATE_OF_SAMPLING || id == WEIR_TEMPLATE_OF_INTERFACES;

		if (bytes < SET_HEADER_BYTES || bytes > len - at)
			return;
		if ((id == SET_TEMPLATES || id == SET_OPTIONS_TEMPLATES || options) && !has(p, message + at, bytes)) {
			if (bytes > sizeof(p->data) - HEADER_BYTES - p->len) {
				p->overflow = true;
				return;
			}
			memcpy(p->data + p->len, message + at, bytes);
			p->len += bytes;
			p->records += id == WEIR_TEMPLATE_OF_SAMPLING ? 1 : id == WEIR_TEMPLATE_OF_INTERFACES ? interfaces : 0;
		}
		at += bytes;
	}
}

size_t weir_preamble_write(const struct weir_preamble *preamble, const uint8_t *next, uint8_t *ret_message)
{
	size_t len = HEADER_BYTES + preamble->len;

	if (!preamble->len)
		return 0;
	memcpy(ret_message, next, HEADER_BYTES);
	weir_put_be16(ret_message + 2, (uint16_t)len);
	weir_put_be32(ret_message + SEQUENCE_AT, weir_be32(next + SEQUENCE_AT) - preamble->records);
	memcpy(ret_message + HEADER_BYTES, preamble->data, preamble->len);
	return len;
}
