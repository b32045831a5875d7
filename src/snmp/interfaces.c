#include "snmp/interfaces.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CAP_MIN 16

void weir_snmp_interfaces_done(struct weir_snmp_interfaces *interfaces)
{
	free(interfaces->interface);
	*interfaces = (struct weir_snmp_interfaces){0};
}

void weir_snmp_interfaces_reset(struct weir_snmp_interfaces *interfaces)
{
	interfaces->count = 0;
	interfaces->cut = false;
	interfaces->system[0] = '\0';
}

static uint32_t position(const struct weir_snmp_interfaces *i, uint32_t index)
{
	uint32_t low = 0;
	uint32_t high = i->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (i->interface[middle].index < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct weir_snmp_interface *weir_snmp_interfaces_get(struct weir_snmp_interfaces *interfaces, uint32_t index, uint32_t count_max)
{
	struct weir_snmp_interfaces *i = interfaces;
	uint32_t at = position(i, index);

	if (at < i->count && i->interface[at].index == index)
		return &i->interface[at];
	if (i->count >= count_max) {
		i->cut = true;
		return NULL;
	}
	if (i->count == i->cap) {
		uint32_t cap = i->cap ? i->cap * 2 : CAP_MIN;
		struct weir_snmp_interface *grown = reallocarray(i->interface, cap, sizeof(*grown));

		if (!grown)
			return NULL;
		i->interface = grown;
		i->cap = cap;
	}
	memmove(&i->interface[at + 1], &i->interface[at], (i->count - at) * sizeof(*i->interface));
	i->count++;
	i->interface[at] = (struct weir_snmp_interface){.index = index};
	return &i->interface[at];
}

void weir_snmp_text(const void *bytes, size_t len, char *ret_text, size_t size)
{
	const unsigned char *from = bytes;
	size_t n = 0;

	while (len && (from[len - 1] <= ' ' || from[len - 1] == 127))
		len--;
	for (size_t i = 0; i < len && n + 1 < size; i++) {
		bool blank = from[i] <= ' ' || from[i] == 127;

		if (blank && !n)
			continue;
		ret_text[n++] = blank ? ' ' : (char)from[i];
	}
	ret_text[n] = '\0';
}

void weir_snmp_settle_speeds(struct weir_snmp_interfaces *interfaces)
{
	for (uint32_t n = 0; n < interfaces->count; n++) {
		struct weir_snmp_interface *i = &interfaces->interface[n];

		if ((!i->speed_bps || i->speed_bps >= UINT32_MAX) && i->high_mbps)
			i->speed_bps = i->high_mbps * 1000000;
		else if (i->speed_bps >= UINT32_MAX)
			i->speed_bps = 0;
	}
}

static int put_field(const char *text, struct weir_buffer *out)
{
	int rc = weir_buffer_text(out, "\"");

	for (; !rc && *text; text++)
		rc = weir_buffer_append(out, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1);
	return rc ? rc : weir_buffer_text(out, "\"");
}

static int put_line(const char *exporter, uint32_t index, const char *name, const char *alias, uint64_t speed_bps, struct weir_buffer *out)
{
	int rc = weir_buffer_printf(out, "%s,%" PRIu32 ",", exporter, index);

	if (!rc)
		rc = put_field(name, out);
	if (!rc)
		rc = weir_buffer_text(out, ",");
	if (!rc)
		rc = put_field(alias, out);
	return rc ? rc : weir_buffer_printf(out, ",%" PRIu64 "\n", speed_bps);
}

int weir_snmp_interfaces_write(const struct weir_snmp_interfaces *interfaces, const struct weir_addr *exporter, struct weir_buffer *out)
{
	char text[WEIR_ADDR_TEXT_MAX];
	int rc;

	(void)weir_addr_text(exporter, text);
	rc = put_line(text, 0, interfaces->system, "", 0, out);
	for (uint32_t n = 0; !rc && n < interfaces->count; n++) {
		const struct weir_snmp_interface *i = &interfaces->interface[n];

		rc = put_line(text, i->index, i->name, i->alias, i->speed_bps, out);
	}
	return rc;
}
