/* An entry:
 *
 *   | length of the rest 4 | flow_type 1 | domain 4 | address 16 | last heard 8 | start known 1 | start 8 |
 *   | rate 4 | rate of the last sampler 4 |
 *   twice (samplers, interfaces): | count 4 | id 4 rate 4 … |
 *   thrice (applications, interfaces, VRFs): | names 4 | id 8, length 1, text … |
 *   | templates 2 | id 2, options 1, scope fields 2, fields 2, then fields: pen 4, id 2, length 2 … |
 *
 * Behind those of exporters, an entry a connection of a firewall (connection.h), whose kind takes the place of the flow_type:
 *
 *   | length of the rest 4 | 255 1 | domain 4 | address 16 | when it was saved 8 | id 8 | bytes, packets, reverse of both 8 … |
 *
 * Its length lets a reader pass over an entry that is not its own. Fields' elements are looked up again. */
#include "wire/state.h"

#include <errno.h>
#include <string.h>

#include "base/cursor.h"
#include "base/writer.h"
#include "wire/connection.h"
#include "wire/element.h"
#include "wire/value.h"

#define ENTRY_FIXED (4 + 1 + 4 + 16 + 8 + 1 + 8 + 4 + 4)

static int64_t heard_ms(const struct weir_exporter *e)
{
	return e->account.stats.messages ? e->account.last_ms : e->loaded_ms;
}

static bool is_stale(int64_t last_ms, int64_t now_ms)
{
	return last_ms > now_ms + WEIR_STATE_STALE_MS || now_ms - last_ms > WEIR_STATE_STALE_MS;
}

static bool is_worth(const struct weir_exporter *e)
{
	bool templates = e->flow_type == WEIR_FLOW_NETFLOW9 || e->flow_type == WEIR_FLOW_IPFIX;

	return templates && !e->session && (e->templates.count || e->names[WEIR_NAME_APPLICATION].count || e->sampling.rate);
}

/* --- saving ----------------------------------------------------------------------------------------------- */

static size_t size_of(const struct weir_exporter *e)
{
	size_t size = ENTRY_FIXED + 2;

	for (unsigned k = 0; k < WEIR_SAMPLING_KINDS; k++)
		size += 4 + e->sampling.list[k].count * 8;
	for (unsigned k = 0; k < WEIR_NAMES_SAVED; k++) {
		size += 4;
		for (uint32_t i = 0; i < e->names[k].count; i++)
			size += 9U + e->names[k].entry[i].len;
	}
	for (uint32_t i = 0; i < e->templates.count; i++)
		size += 7 + e->templates.list[i]->fields * 8;
	return size;
}

static void put_template(struct weir_writer *w, const struct weir_template *t)
{
	weir_writer_u16(w, t->id);
	weir_writer_u8(w, t->options);
	weir_writer_u16(w, (uint16_t)t->scope_fields);
	weir_writer_u16(w, (uint16_t)t->fields);
	for (uint32_t i = 0; i < t->fields; i++) {
		weir_writer_u32(w, t->field[i].pen);
		weir_writer_u16(w, t->field[i].id);
		weir_writer_u16(w, t->field[i].length);
	}
}

static void put_names(struct weir_writer *w, const struct weir_names *names)
{
	weir_writer_u32(w, names->count);
	for (uint32_t i = 0; i < names->count; i++) {
		const struct weir_name *n = &names->entry[i];

		weir_writer_uint(w, n->id, 8);
		weir_writer_u8(w, n->len);
		weir_writer_bytes(w, n->text, n->len);
	}
}

static void put_entry(struct weir_writer *w, const struct weir_exporter *e, size_t size)
{
	weir_writer_u32(w, (uint32_t)(size - 4));
	weir_writer_u8(w, (uint8_t)e->flow_type);
	weir_writer_u32(w, e->domain);
	weir_writer_bytes(w, e->addr.byte, sizeof(e->addr.byte));
	weir_writer_uint(w, (uint64_t)heard_ms(e), 8);
	weir_writer_u8(w, e->init_known);
	weir_writer_uint(w, (uint64_t)e->init_ms, 8);
	weir_writer_u32(w, e->sampling.rate);
	weir_writer_u32(w, e->sampling.rate_sampler);
	for (unsigned k = 0; k < WEIR_SAMPLING_KINDS; k++) {
		const struct weir_sampling_list *l = &e->sampling.list[k];

		weir_writer_u32(w, l->count);
		for (uint32_t i = 0; i < l->count; i++) {
			weir_writer_u32(w, l->entry[i].id);
			weir_writer_u32(w, l->entry[i].rate);
		}
	}
	for (unsigned k = 0; k < WEIR_NAMES_SAVED; k++)
		put_names(w, &e->names[k]);
	weir_writer_u16(w, (uint16_t)e->templates.count);
	for (uint32_t i = 0; i < e->templates.count; i++)
		put_template(w, e->templates.list[i]);
}

int weir_state_save(const struct weir_exporters *exporters, const struct weir_workspace *work, int64_t now_ms,
		    struct weir_buffer *out)
{
	const struct weir_exporter *e;
	uint32_t at = 0;

	while ((e = weir_exporters_next(exporters, &at))) {
		size_t size = size_of(e);
		struct weir_writer w;

		if (!is_worth(e) || is_stale(heard_ms(e), now_ms) || size > WEIR_STATE_BYTES_MAX - out->len)
			continue;
		if (weir_buffer_reserve(out, size))
			return -ENOMEM;
		w = weir_writer(out->data + out->len, size);
		put_entry(&w, e, size);
		out->len += weir_writer_len(&w);
	}
	return weir_connections_save(&work->connections, now_ms, out);
}

/* --- loading ---------------------------------------------------------------------------------------------- */

static void load_rates(struct weir_cursor *c, struct weir_exporter *e, struct weir_workspace *work)
{
	e->sampling.rate = weir_cursor_u32(c);
	e->sampling.rate_sampler = weir_cursor_u32(c);
	for (unsigned k = 0; k < WEIR_SAMPLING_KINDS; k++) {
		uint32_t count = weir_cursor_u32(c);

		for (uint32_t i = 0; i < count && !c->fault; i++) {
			uint32_t id = weir_cursor_u32(c);
			uint32_t rate = weir_cursor_u32(c);

			/* What is beyond the ceiling is told again by the exporter, and counted then; so below. */
			if (!c->fault)
				(void)!weir_samplings_set(&e->sampling, (enum weir_sampling_kind)k, id, rate,
							  &work->template_bytes_left);
		}
	}
}

static void load_names(struct weir_cursor *c, struct weir_names *names, struct weir_workspace *work)
{
	uint32_t count = weir_cursor_u32(c);

	for (uint32_t i = 0; i < count && !c->fault; i++) {
		uint64_t id = weir_cursor_u64(c);
		uint8_t len = weir_cursor_u8(c);
		const uint8_t *text = weir_cursor_take(c, len);

		if (text && len)
			(void)!weir_names_set(names, id, WEIR_NAME_SAVED, (const char *)text, len, &work->template_bytes_left);
	}
}

static struct weir_field load_field(struct weir_cursor *c, const struct weir_exporter *e, bool scope)
{
	struct weir_field f = {.pen = weir_cursor_u32(c)};

	f.id = weir_cursor_u16(c);
	f.length = weir_cursor_u16(c);
	if (e->flow_type == WEIR_FLOW_IPFIX)
		f.element = weir_element_find_ipfix(f.pen, f.id, &f.reverse);
	else if (!scope)
		f.element = weir_element_find_v9(f.id);
	return f;
}

static void load_template(struct weir_cursor *c, struct weir_exporter *e, struct weir_workspace *work)
{
	struct weir_template_new spec = {.id = weir_cursor_u16(c), .flow_type = e->flow_type, .init_known = e->init_known};

	spec.options = weir_cursor_u8(c) != 0;
	spec.scope_fields = weir_cursor_u16(c);
	spec.fields = weir_cursor_u16(c);
	for (uint32_t i = 0; i < spec.fields && !c->fault; i++) {
		struct weir_field f = load_field(c, e, i < spec.scope_fields);

		if (e->flow_type == WEIR_FLOW_NETFLOW9 && f.length == WEIR_LENGTH_VARIABLE)
			spec.id = 0;
		if (i < work->fields_max)
			work->field[i] = f;
	}
	if (!c->fault && spec.id >= WEIR_TEMPLATE_ID_MIN && spec.fields && spec.fields <= work->fields_max &&
	    spec.scope_fields <= spec.fields)
		(void)weir_templates_put(&e->templates, work, &spec);
}

static void load_rest(struct weir_cursor *c, struct weir_exporter *e, struct weir_workspace *work, int64_t last_ms)
{
	uint16_t templates;

	e->loaded_ms = last_ms;
	e->init_known = weir_cursor_u8(c) != 0;
	e->init_ms = weir_time_clamp(weir_cursor_u64(c));
	load_rates(c, e, work);
	for (unsigned k = 0; k < WEIR_NAMES_SAVED; k++)
		load_names(c, &e->names[k], work);
	templates = weir_cursor_u16(c);
	for (uint32_t i = 0; i < templates && !c->fault; i++)
		load_template(c, e, work);
}

int weir_state_load(struct weir_exporters *exporters, struct weir_workspace *work, const void *data, size_t len, int64_t now_ms,
		    uint32_t most, bool (*mine)(void *ctx, const struct weir_addr *exporter), void *ctx)
{
	struct weir_cursor all = weir_cursor(data, len);
	uint32_t loaded = 0;

	while (weir_cursor_left(&all)) {
		struct weir_cursor c = weir_cursor_sub(&all, weir_cursor_u32(&all));
		uint8_t kind = weir_cursor_u8(&c);
		struct weir_exporter_key key = {.flow_type = (enum weir_flow_type)kind};
		bool connection = kind == WEIR_STATE_KIND_CONNECTION;
		const uint8_t *addr;
		struct weir_exporter *e;
		uint64_t last_ms;

		key.domain = weir_cursor_u32(&c);
		addr = weir_cursor_take(&c, sizeof(key.addr.byte));
		last_ms = weir_cursor_u64(&c);
		if (c.fault || (!connection && key.flow_type != WEIR_FLOW_NETFLOW9 && key.flow_type != WEIR_FLOW_IPFIX))
			return -EBADMSG;
		memcpy(key.addr.byte, addr, sizeof(key.addr.byte));
		if (is_stale(weir_time_clamp(last_ms), now_ms) || (mine && !mine(ctx, &key.addr)))
			continue;
		if (connection) {
			weir_connections_load(&work->connections, &c, &key.addr, key.domain);
		} else {
			/* Beyond the ceiling, or without memory, exporters are left out. */
			e = loaded < most ? weir_exporters_get(exporters, &key) : NULL;
			if (!e)
				continue;
			load_rest(&c, e, work, weir_time_clamp(last_ms));
			loaded++;
		}
		if (c.fault || weir_cursor_left(&c))
			return -EBADMSG;
	}
	return (int)loaded;
}
