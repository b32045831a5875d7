/* sFlow's counter samples: what an agent counts of an interface, of itself or of its host, every so often.
 *
 *   | sequence | source | number of records | records: format, length, fields |
 *
 * A record's fields are a row of data: name and width, in the order of the specification. Each becomes a row of the table of
 * counters; all bits set mean that the agent does not count it. What is a name (of a host, a port) goes to the table of
 * options, and so does, as hexadecimal digits, a record that weir does not know. A record may be longer than its fields, which
 * is how later versions add some.
 *
 * Sources: "sFlow Version 5" §5.3 (1 to 5, 1001), and sflow.org's later structures: LAG (7), OpenFlow (1004, 1005), hosts
 * (2000 to 2010), virtual machines (2100 to 2104). Loads of hosts are floats, and are kept in thousandths. */
#include "wire/sflow_sample.h"

#include <stdio.h>
#include <string.h>

#include "wire/tell.h"
#include "wire/value.h"

enum width { END, W32 = 4, W64 = 8, MILLI, TEXT, UUID, SKIP6 /* a MAC address, padded to eight */ };

struct field {
	const char *name;
	enum width width;
};

#define FIELDS(...) (const struct field[]) {__VA_ARGS__, {NULL, END}}

static const struct record {
	uint32_t format;
	const char *kind;
	bool names_source; /* the first field says of what, in place of the sample */
	const struct field *field;
} RECORDS[] = {
	{1, "interface", true,
	 FIELDS({"if_index", W32}, {"if_type", W32}, {"if_speed", W64}, {"if_direction", W32}, {"if_status", W32},
		{"if_in_octets", W64}, {"if_in_ucast_pkts", W32}, {"if_in_multicast_pkts", W32}, {"if_in_broadcast_pkts", W32},
		{"if_in_discards", W32}, {"if_in_errors", W32}, {"if_in_unknown_protos", W32}, {"if_out_octets", W64},
		{"if_out_ucast_pkts", W32}, {"if_out_multicast_pkts", W32}, {"if_out_broadcast_pkts", W32},
		{"if_out_discards", W32}, {"if_out_errors", W32}, {"if_promiscuous_mode", W32})},
	{2, "ethernet", false,
	 FIELDS({"alignment_errors", W32}, {"fcs_errors", W32}, {"single_collision_frames", W32},
		{"multiple_collision_frames", W32}, {"sqe_test_errors", W32}, {"deferred_transmissions", W32},
		{"late_collisions", W32}, {"excessive_collisions", W32}, {"internal_mac_transmit_errors", W32},
		{"carrier_sense_errors", W32}, {"frame_too_longs", W32}, {"internal_mac_receive_errors", W32},
		{"symbol_errors", W32})},
	{3, "token_ring", false,
	 FIELDS({"line_errors", W32}, {"burst_errors", W32}, {"ac_errors", W32}, {"abort_trans_errors", W32},
		{"internal_errors", W32}, {"lost_frame_errors", W32}, {"receive_congestions", W32},
		{"frame_copied_errors", W32}, {"token_errors", W32}, {"soft_errors", W32}, {"hard_errors", W32},
		{"signal_loss", W32}, {"transmit_beacons", W32}, {"recoverys", W32}, {"lobe_wires", W32}, {"removes", W32},
		{"singles", W32}, {"freq_errors", W32})},
	{4, "vg", false,
	 FIELDS({"in_high_priority_frames", W32}, {"in_high_priority_octets", W64}, {"in_norm_priority_frames", W32},
		{"in_norm_priority_octets", W64}, {"in_ipm_errors", W32}, {"in_oversize_frame_errors", W32},
		{"in_data_errors", W32}, {"in_null_addressed_frames", W32}, {"out_high_priority_frames", W32},
		{"out_high_priority_octets", W64}, {"transition_into_trainings", W32}, {"hc_in_high_priority_octets", W64},
		{"hc_in_norm_priority_octets", W64}, {"hc_out_high_priority_octets", W64})},
	{5, "vlan", true,
	 FIELDS({"vlan_id", W32}, {"octets", W64}, {"ucast_pkts", W32}, {"multicast_pkts", W32}, {"broadcast_pkts", W32},
		{"discards", W32})},
	{7, "lag", false,
	 FIELDS({"actor_system_id", SKIP6}, {"partner_oper_system_id", SKIP6}, {"attached_agg_id", W32}, {"port_state", W32},
		{"lacpdus_rx", W32}, {"marker_pdus_rx", W32}, {"marker_response_pdus_rx", W32}, {"unknown_rx", W32},
		{"illegal_rx", W32}, {"lacpdus_tx", W32}, {"marker_pdus_tx", W32}, {"marker_response_pdus_tx", W32})},
	{1001, "processor", false,
	 FIELDS({"cpu_5s_centipercent", W32}, {"cpu_1m_centipercent", W32}, {"cpu_5m_centipercent", W32}, {"total_memory", W64},
		{"free_memory", W64})},
	{1004, "openflow_port", false, FIELDS({"datapath_id", W64}, {"port_no", W32})},
	{1005, "interface", false, FIELDS({"interfaceName", TEXT})},
	{2000, "host", false,
	 FIELDS({"hostname", TEXT}, {"uuid", UUID}, {"machine_type", W32}, {"os_name", W32}, {"os_release", TEXT})},
	{2003, "host_cpu", false,
	 FIELDS({"load_1m_milli", MILLI}, {"load_5m_milli", MILLI}, {"load_15m_milli", MILLI}, {"proc_run", W32},
		{"proc_total", W32}, {"cpu_num", W32}, {"cpu_speed", W32}, {"uptime", W32}, {"cpu_user", W32}, {"cpu_nice", W32},
		{"cpu_system", W32}, {"cpu_idle", W32}, {"cpu_wio", W32}, {"cpu_intr", W32}, {"cpu_sintr", W32},
		{"interrupts", W32}, {"contexts", W32})},
	{2004, "host_memory", false,
	 FIELDS({"mem_total", W64}, {"mem_free", W64}, {"mem_shared", W64}, {"mem_buffers", W64}, {"mem_cached", W64},
		{"swap_total", W64}, {"swap_free", W64}, {"page_in", W32}, {"page_out", W32}, {"swap_in", W32},
		{"swap_out", W32})},
	{2005, "host_disk_io", false,
	 FIELDS({"disk_total", W64}, {"disk_free", W64}, {"part_max_used_centipercent", W32}, {"reads", W32},
		{"bytes_read", W64}, {"read_time", W32}, {"writes", W32}, {"bytes_written", W64}, {"write_time", W32})},
	{2006, "host_net_io", false,
	 FIELDS({"bytes_in", W64}, {"pkts_in", W32}, {"errs_in", W32}, {"drops_in", W32}, {"bytes_out", W64}, {"pkts_out", W32},
		{"errs_out", W32}, {"drops_out", W32})},
	{2007, "host_ip", false,
	 FIELDS({"ip_forwarding", W32}, {"ip_default_ttl", W32}, {"ip_in_receives", W32}, {"ip_in_hdr_errors", W32},
		{"ip_in_addr_errors", W32}, {"ip_forw_datagrams", W32}, {"ip_in_unknown_protos", W32}, {"ip_in_discards", W32},
		{"ip_in_delivers", W32}, {"ip_out_requests", W32}, {"ip_out_discards", W32}, {"ip_out_no_routes", W32},
		{"ip_reasm_timeout", W32}, {"ip_reasm_reqds", W32}, {"ip_reasm_oks", W32}, {"ip_reasm_fails", W32},
		{"ip_frag_oks", W32}, {"ip_frag_fails", W32}, {"ip_frag_creates", W32})},
	{2009, "host_tcp", false,
	 FIELDS({"tcp_rto_algorithm", W32}, {"tcp_rto_min", W32}, {"tcp_rto_max", W32}, {"tcp_max_conn", W32},
		{"tcp_active_opens", W32}, {"tcp_passive_opens", W32}, {"tcp_attempt_fails", W32}, {"tcp_estab_resets", W32},
		{"tcp_curr_estab", W32}, {"tcp_in_segs", W32}, {"tcp_out_segs", W32}, {"tcp_retrans_segs", W32},
		{"tcp_in_errs", W32}, {"tcp_out_rsts", W32}, {"tcp_in_csum_errs", W32})},
	{2010, "host_udp", false,
	 FIELDS({"udp_in_datagrams", W32}, {"udp_no_ports", W32}, {"udp_in_errors", W32}, {"udp_out_datagrams", W32},
		{"udp_rcvbuf_errors", W32}, {"udp_sndbuf_errors", W32}, {"udp_in_csum_errors", W32})},
	{2100, "virt_node", false,
	 FIELDS({"mhz", W32}, {"cpus", W32}, {"memory", W64}, {"memory_free", W64}, {"num_domains", W32})},
	{2101, "virt_cpu", false, FIELDS({"state", W32}, {"cpu_time", W32}, {"nr_virt_cpu", W32})},
	{2102, "virt_memory", false, FIELDS({"memory", W64}, {"max_memory", W64})},
	{2103, "virt_disk_io", false,
	 FIELDS({"capacity", W64}, {"allocation", W64}, {"available", W64}, {"rd_req", W32}, {"rd_bytes", W64}, {"wr_req", W32},
		{"wr_bytes", W64}, {"errs", W32})},
	{2104, "virt_net_io", false,
	 FIELDS({"rx_bytes", W64}, {"rx_packets", W32}, {"rx_errs", W32}, {"rx_drop", W32}, {"tx_bytes", W64},
		{"tx_packets", W32}, {"tx_errs", W32}, {"tx_drop", W32})},
};

/* A load; what is none, or absurd, is not told. */
static bool milli(uint32_t bits, uint64_t *ret_value)
{
	float load;

	memcpy(&load, &bits, sizeof(load));
	if (!(load >= 0 && load < 1e6F))
		return false;
	*ret_value = (uint64_t)((double)load * 1000 + 0.5);
	return true;
}

struct reading {
	const struct weir_message *m;
	const struct record *record;
	uint32_t source;
};

static void tell_number(const struct reading *r, const struct field *f, uint64_t value)
{
	weir_tell_counter(r->m, weir_text_of(r->record->kind), r->source, weir_text_of(f->name), value);
}

static void tell_text(const struct reading *r, const struct field *f, const void *data, size_t len)
{
	char id[16];

	(void)snprintf(id, sizeof(id), "%u", r->source);
	weir_tell_option(r->m, weir_text_of(r->record->kind), weir_text_of(id), weir_text_of(f->name),
			 (struct weir_text){data, len});
}

static void read_field(struct reading *r, const struct field *f, struct weir_cursor *c)
{
	struct weir_value_text uuid;
	const uint8_t *data;
	uint64_t value;
	uint32_t len;

	switch (f->width) {
	case W32:
		value = weir_cursor_u32(c);
		if (r->record->names_source && f == r->record->field)
			r->source = (uint32_t)value;
		else if (!c->fault && value != UINT32_MAX)
			tell_number(r, f, value);
		break;
	case W64:
		value = weir_cursor_u64(c);
		if (!c->fault && value != UINT64_MAX)
			tell_number(r, f, value);
		break;
	case MILLI:
		if (milli(weir_cursor_u32(c), &value) && !c->fault)
			tell_number(r, f, value);
		break;
	case TEXT:
		len = weir_cursor_u32(c);
		data = weir_cursor_take(c, len);
		weir_cursor_skip(c, (4 - len % 4) % 4);
		if (data && len)
			tell_text(r, f, data, len);
		break;
	case UUID:
		data = weir_cursor_take(c, 16);
		uuid = weir_value_text(NULL, data, data ? 16 : 0, r->m->work->text);
		if (data)
			tell_text(r, f, uuid.text, uuid.len);
		break;
	case SKIP6:
		weir_cursor_skip(c, 8);
		break;
	case END:
	default:
		break;
	}
}

static void read_unknown(struct reading *r, uint32_t format, const struct weir_cursor *c)
{
	static const struct field hexadecimal = {"record", TEXT};
	struct weir_value_text text = weir_value_text(NULL, c->at, weir_cursor_left(c), r->m->work->text);
	char kind[32];
	const struct record unknown = {.kind = kind};

	(void)snprintf(kind, sizeof(kind), "counters %u:%u", format >> 12, format & 0xfff);
	r->record = &unknown;
	tell_text(r, &hexadecimal, text.text, text.len);
}

static void read_record(struct reading *r, uint32_t format, struct weir_cursor *c)
{
	r->record = NULL;
	for (size_t i = 0; i < sizeof(RECORDS) / sizeof(RECORDS[0]); i++) {
		if (RECORDS[i].format == format)
			r->record = &RECORDS[i];
	}
	if (!r->record) {
		read_unknown(r, format, c);
		return;
	}
	/* A record that is too short tells what is there. */
	for (const struct field *f = r->record->field; f->name && !c->fault; f++)
		read_field(r, f, c);
	if (c->fault)
		weir_message_fault(r->m, WEIR_FAULT_SFLOW_RECORD);
}

bool weir_sflow_counters(const struct weir_message *m, struct weir_cursor *c, bool expanded)
{
	uint32_t source;
	uint32_t records;

	weir_cursor_skip(c, 4); /* sequence number of the source */
	if (expanded)
		weir_cursor_skip(c, 4); /* its class */
	source = weir_cursor_u32(c);
	if (!expanded)
		source &= 0xffffff;
	records = weir_cursor_u32(c);
	for (uint32_t i = 0; i < records && !c->fault; i++) {
		uint32_t format = weir_cursor_u32(c);
		struct weir_cursor record = weir_cursor_sub(c, weir_cursor_u32(c));
		struct reading r = {.m = m, .source = source};

		if (!c->fault)
			read_record(&r, format, &record);
	}
	if (!c->fault && weir_cursor_left(c))
		weir_message_fault(m, WEIR_FAULT_SFLOW_TRAILING);
	return !c->fault;
}
