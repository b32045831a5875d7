/* sFlow's counter samples: what an agent counts of an interface, of itself or of its host, every so often.
 *
 *   | sequence | source | number of records | records: format, length, fields |
 *
 * A record's fields are a row of data: name and width, in the order of the specification. Each becomes a row of the table of
 * counters; all bits set mean that the agent does not count it. What is a name or an address goes to the table of
 * options, and so does, as hexadecimal digits, a record that weir does not know. A record may be longer than its fields, which
 * is how later versions add some.
 *
 * Sources: "sFlow Version 5" §5 (1 to 5, 1001), and the structures that sflow.org's catalog lists: 802.11 (6, 1002), LAG (7),
 * slow path (8), InfiniBand (9), optics (10), queues (1003), OpenFlow (1004, 1005), hosts (2000 to 2010), virtual machines (2100
 * to 2104), Java (2105, 2106), memcache, HTTP and applications (2200 to 2206), Open vSwitch (2207), power and climate (3000 to
 * 3003), Broadcom (4413) and NVIDIA (5703). Loads of hosts are floats, and are kept in thousandths. */
#include "wire/sflow_sample.h"

#include <stdio.h>
#include <string.h>

#include "wire/describe.h"
#include "wire/tell.h"
#include "wire/value.h"

enum width {
	END,
	W32 = 4,
	W64 = 8,
	MILLI,	  /* a float, in thousandths */
	SIGNED,	  /* below zero: its amount, by the name with _below_zero */
	ARRAY,	  /* how many, then W32: the name with _0, _1 … */
	INDEX,	  /* stands before the names of those that follow: queue3_… */
	LIST,	  /* how many, then all that follows so many times */
	OPTIONAL, /* what follows is there with newer agents only */
	TEXT,
	UUID,
	MAC,	  /* padded to eight */
	ADAPTERS, /* of a host: how many, then each its interface, how many addresses, addresses */
};

struct field {
	const char *name;
	enum width width;
};

#define FIELDS(...) (const struct field[]) {__VA_ARGS__, {NULL, END}}
#define OF(enterprise, format) ((enterprise) << 12 | (format))
#define HOST	  2000
#define PORT_NAME 1005
#define BROADCOM 4413
#define NVIDIA 5703

static const struct record {
	uint32_t format; /* with the enterprise in the upper 20 bits */
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
	{6, "ieee80211", false,
	 FIELDS({"transmitted_fragments", W32}, {"multicast_transmitted_frames", W32}, {"failed", W32}, {"retries", W32},
		{"multiple_retries", W32}, {"frame_duplicates", W32}, {"rts_successes", W32}, {"rts_failures", W32},
		{"ack_failures", W32}, {"received_fragments", W32}, {"multicast_received_frames", W32}, {"fcs_errors", W32},
		{"transmitted_frames", W32}, {"wep_undecryptable", W32}, {"qos_discarded_fragments", W32},
		{"associated_stations", W32}, {"qos_cf_polls_received", W32}, {"qos_cf_polls_unused", W32},
		{"qos_cf_polls_unusable", W32}, {"qos_cf_polls_lost", W32})},
	{7, "lag", false,
	 FIELDS({"actor_system_id", MAC}, {"partner_oper_system_id", MAC}, {"attached_agg_id", W32}, {"port_state", W32},
		{"lacpdus_rx", W32}, {"marker_pdus_rx", W32}, {"marker_response_pdus_rx", W32}, {"unknown_rx", W32},
		{"illegal_rx", W32}, {"lacpdus_tx", W32}, {"marker_pdus_tx", W32}, {"marker_response_pdus_tx", W32})},
	{8, "slow_path", false,
	 FIELDS({"unknown", W32}, {"other", W32}, {"cam_miss", W32}, {"cam_full", W32}, {"no_hw_support", W32}, {"control", W32})},
	{9, "infiniband", false,
	 FIELDS({"xmit_pkts", W64}, {"rcv_pkts", W64}, {"symbol_errors", W32}, {"link_error_recoveries", W32},
		{"link_downed", W32}, {"rcv_errors", W32}, {"rcv_remote_physical_errors", W32},
		{"rcv_switch_relay_errors", W32}, {"xmit_discards", W32}, {"xmit_constraint_errors", W32},
		{"rcv_constraint_errors", W32}, {"local_link_integrity_errors", W32},
		{"excessive_buffer_overrun_errors", W32}, {"vl15_dropped", W32})},
	{10, "optics", false,
	 FIELDS({"module_id", W32}, {"module_num_lanes", W32}, {"module_supply_millivolt", W32},
		{"module_millicelsius", SIGNED}, {"lanes", LIST}, {"lane", INDEX}, {"tx_bias_microampere", W32},
		{"tx_microwatt", W32}, {"tx_min_microwatt", W32}, {"tx_max_microwatt", W32}, {"tx_wavelength_nm", W32},
		{"rx_microwatt", W32}, {"rx_min_microwatt", W32}, {"rx_max_microwatt", W32}, {"rx_wavelength_nm", W32})},
	{1001, "processor", false,
	 FIELDS({"cpu_5s_centipercent", W32}, {"cpu_1m_centipercent", W32}, {"cpu_5m_centipercent", W32}, {"total_memory", W64},
		{"free_memory", W64})},
	{1002, "radio", false, FIELDS({"elapsed_ms", W32}, {"on_channel_ms", W32}, {"on_channel_busy_ms", W32})},
	{1003, "queue", false,
	 FIELDS({"queue", INDEX}, {"segment_bytes", W32}, {"segments", W32}, {"length_0", W32}, {"length_1", W32}, {"length_2", W32},
		{"length_4", W32}, {"length_8", W32}, {"length_32", W32}, {"length_128", W32}, {"length_1024", W32},
		{"length_more", W32}, {"dropped", W32})},
	{1004, "openflow_port", false, FIELDS({"datapath_id", W64}, {"port_no", W32})},
	{PORT_NAME, "interface", false, FIELDS({"interfaceName", TEXT})},
	{HOST, "host", false,
	 FIELDS({"hostname", TEXT}, {"uuid", UUID}, {"machine_type", W32}, {"os_name", W32}, {"os_release", TEXT})},
	{2001, "host_adapter", false, FIELDS({"mac_address", ADAPTERS})},
	{2002, "host_parent", false, FIELDS({"container_class", W32}, {"container_index", W32})},
	{2003, "host_cpu", false,
	 FIELDS({"load_1m_milli", MILLI}, {"load_5m_milli", MILLI}, {"load_15m_milli", MILLI}, {"proc_run", W32},
		{"proc_total", W32}, {"cpu_num", W32}, {"cpu_speed", W32}, {"uptime", W32}, {"cpu_user", W32}, {"cpu_nice", W32},
		{"cpu_system", W32}, {"cpu_idle", W32}, {"cpu_wio", W32}, {"cpu_intr", W32}, {"cpu_sintr", W32},
		{"interrupts", W32}, {"contexts", W32}, {"", OPTIONAL}, {"cpu_steal", W32}, {"cpu_guest", W32},
		{"cpu_guest_nice", W32})},
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
	{2008, "host_icmp", false,
	 FIELDS({"icmp_in_msgs", W32}, {"icmp_in_errors", W32}, {"icmp_in_dest_unreachs", W32}, {"icmp_in_time_excds", W32},
		{"icmp_in_param_probs", W32}, {"icmp_in_src_quenchs", W32}, {"icmp_in_redirects", W32}, {"icmp_in_echos", W32},
		{"icmp_in_echo_reps", W32}, {"icmp_in_timestamps", W32}, {"icmp_in_addr_masks", W32},
		{"icmp_in_addr_mask_reps", W32}, {"icmp_out_msgs", W32}, {"icmp_out_errors", W32},
		{"icmp_out_dest_unreachs", W32}, {"icmp_out_time_excds", W32}, {"icmp_out_param_probs", W32},
		{"icmp_out_src_quenchs", W32}, {"icmp_out_redirects", W32}, {"icmp_out_echos", W32},
		{"icmp_out_echo_reps", W32}, {"icmp_out_timestamps", W32}, {"icmp_out_timestamp_reps", W32},
		{"icmp_out_addr_masks", W32}, {"icmp_out_addr_mask_reps", W32})},
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
	{2105, "jvm", false, FIELDS({"vm_name", TEXT}, {"vm_vendor", TEXT}, {"vm_version", TEXT})},
	{2106, "jvm", false,
	 FIELDS({"heap_initial", W64}, {"heap_used", W64}, {"heap_committed", W64}, {"heap_max", W64}, {"non_heap_initial", W64},
		{"non_heap_used", W64}, {"non_heap_committed", W64}, {"non_heap_max", W64}, {"gc_count", W32}, {"gc_ms", W32},
		{"classes_loaded", W32}, {"classes_total", W32}, {"classes_unloaded", W32}, {"compilation_ms", W32},
		{"threads_live", W32}, {"threads_daemon", W32}, {"threads_started", W32}, {"", OPTIONAL}, {"fd_open", W32},
		{"fd_max", W32})},
	{2200, "memcache", false,
	 FIELDS({"uptime", W32}, {"user_ms", W32}, {"system_ms", W32}, {"curr_connections", W32}, {"total_connections", W32},
		{"connection_structures", W32}, {"cmd_get", W32}, {"cmd_set", W32}, {"cmd_flush", W32}, {"get_hits", W32},
		{"get_misses", W32}, {"delete_misses", W32}, {"delete_hits", W32}, {"incr_misses", W32}, {"incr_hits", W32},
		{"decr_misses", W32}, {"decr_hits", W32}, {"cas_misses", W32}, {"cas_hits", W32}, {"cas_badval", W32},
		{"auth_cmds", W32}, {"auth_errors", W32}, {"bytes_read", W64}, {"bytes_written", W64}, {"limit_maxbytes", W32},
		{"accepting_conns", W32}, {"listen_disabled_num", W32}, {"threads", W32}, {"conn_yields", W32}, {"bytes", W64},
		{"curr_items", W32}, {"total_items", W32}, {"evictions", W32})},
	{2201, "http", false,
	 FIELDS({"method_option", W32}, {"method_get", W32}, {"method_head", W32}, {"method_post", W32}, {"method_put", W32},
		{"method_delete", W32}, {"method_trace", W32}, {"method_connect", W32}, {"method_other", W32},
		{"status_1xx", W32}, {"status_2xx", W32}, {"status_3xx", W32}, {"status_4xx", W32}, {"status_5xx", W32},
		{"status_other", W32})},
	{2202, "app", false,
	 FIELDS({"application", TEXT}, {"success", W32}, {"other", W32}, {"timeout", W32}, {"internal_error", W32},
		{"bad_request", W32}, {"forbidden", W32}, {"too_large", W32}, {"not_implemented", W32}, {"not_found", W32},
		{"unavailable", W32}, {"unauthorized", W32})},
	{2203, "app", false,
	 FIELDS({"user_ms", W32}, {"system_ms", W32}, {"mem_used", W64}, {"mem_max", W64}, {"fd_open", W32}, {"fd_max", W32},
		{"conn_open", W32}, {"conn_max", W32})},
	{2204, "memcache", false,
	 FIELDS({"cmd_set", W32}, {"cmd_touch", W32}, {"cmd_flush", W32}, {"get_hits", W32}, {"get_misses", W32},
		{"delete_hits", W32}, {"delete_misses", W32}, {"incr_hits", W32}, {"incr_misses", W32}, {"decr_hits", W32},
		{"decr_misses", W32}, {"cas_hits", W32}, {"cas_misses", W32}, {"cas_badval", W32}, {"auth_cmds", W32},
		{"auth_errors", W32}, {"threads", W32}, {"conn_yields", W32}, {"listen_disabled_num", W32},
		{"curr_connections", W32}, {"rejected_connections", W32}, {"total_connections", W32},
		{"connection_structures", W32}, {"evictions", W32}, {"reclaimed", W32}, {"curr_items", W32},
		{"total_items", W32}, {"bytes_read", W64}, {"bytes_written", W64}, {"bytes", W64}, {"limit_maxbytes", W64})},
	{2206, "app", false,
	 FIELDS({"workers_active", W32}, {"workers_idle", W32}, {"workers_max", W32}, {"req_delayed", W32}, {"req_dropped", W32})},
	{2207, "ovs_datapath", false,
	 FIELDS({"hits", W32}, {"misses", W32}, {"lost", W32}, {"mask_hits", W32}, {"flows", W32}, {"masks", W32})},
	{3000, "energy", false,
	 FIELDS({"millivolt", W32}, {"milliampere", W32}, {"milliwatt", W32}, {"power_factor_centipercent", SIGNED},
		{"millijoule", W32}, {"errors", W32})},
	{3001, "temperature", false,
	 FIELDS({"minimum_decicelsius", SIGNED}, {"maximum_decicelsius", SIGNED}, {"errors", W32})},
	{3002, "humidity", false, FIELDS({"relative_percent", W32})},
	{3003, "fans", false, FIELDS({"total", W32}, {"failed", W32}, {"speed_percent", W32})},
	{OF(BROADCOM, 1), "buffers", false, FIELDS({"unicast_centipercent", W32}, {"multicast_centipercent", W32})},
	{OF(BROADCOM, 2), "port_buffers", false,
	 FIELDS({"ingress_unicast_centipercent", W32}, {"ingress_multicast_centipercent", W32},
		{"egress_unicast_centipercent", W32}, {"egress_multicast_centipercent", W32},
		{"egress_queue_unicast_centipercent", ARRAY}, {"egress_queue_multicast_centipercent", ARRAY})},
	{OF(BROADCOM, 3), "hardware_tables", false,
	 FIELDS({"host_entries", W32}, {"host_entries_max", W32}, {"ipv4_entries", W32}, {"ipv4_entries_max", W32},
		{"ipv6_entries", W32}, {"ipv6_entries_max", W32}, {"ipv4_ipv6_entries", W32}, {"ipv4_ipv6_entries_max", W32},
		{"long_ipv6_entries", W32}, {"long_ipv6_entries_max", W32}, {"total_routes", W32}, {"total_routes_max", W32},
		{"ecmp_nexthops", W32}, {"ecmp_nexthops_max", W32}, {"mac_entries", W32}, {"mac_entries_max", W32},
		{"ipv4_neighbors", W32}, {"ipv6_neighbors", W32}, {"ipv4_routes", W32}, {"ipv6_routes", W32},
		{"acl_ingress_entries", W32}, {"acl_ingress_entries_max", W32}, {"acl_ingress_counters", W32},
		{"acl_ingress_counters_max", W32}, {"acl_ingress_meters", W32}, {"acl_ingress_meters_max", W32},
		{"acl_ingress_slices", W32}, {"acl_ingress_slices_max", W32}, {"acl_egress_entries", W32},
		{"acl_egress_entries_max", W32}, {"acl_egress_counters", W32}, {"acl_egress_counters_max", W32},
		{"acl_egress_meters", W32}, {"acl_egress_meters_max", W32}, {"acl_egress_slices", W32},
		{"acl_egress_slices_max", W32})},
	{OF(NVIDIA, 1), "gpu", false,
	 FIELDS({"device_count", W32}, {"processes", W32}, {"gpu_ms", W32}, {"mem_ms", W32}, {"mem_total", W64}, {"mem_free", W64},
		{"ecc_errors", W32}, {"energy_millijoule", W32}, {"temperature_celsius", W32}, {"fan_speed_percent", W32})},
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

#define NAME_MAX_LEN 64

struct reading {
	const struct weir_message *m;
	const struct record *record;
	uint32_t source;
	bool of_interface; /* the source is one */
	char prefix[24];   /* of names: "queue3_" */
};

static void tell_number(const struct reading *r, const char *name, uint64_t value)
{
	char text[NAME_MAX_LEN + sizeof(r->prefix)];

	(void)snprintf(text, sizeof(text), "%s%s", r->prefix, name);
	weir_tell_counter(r->m, weir_text_of(r->record->kind), r->source, weir_text_of(text), value);
}

static void tell_text(const struct reading *r, const char *name, uint32_t of, const void *data, size_t len)
{
	char id[16];

	(void)snprintf(id, sizeof(id), "%u", of);
	weir_tell_option(r->m, weir_text_of(r->record->kind), weir_text_of(id), weir_text_of(name), (struct weir_text){data, len});
}

static void tell_mac(const struct reading *r, const char *name, uint32_t of, struct weir_cursor *c)
{
	const uint8_t *mac = weir_cursor_take(c, 6);
	char text[WEIR_MAC_TEXT_MAX];

	weir_cursor_skip(c, 2);
	if (!c->fault)
		tell_text(r, name, of, text, weir_mac_text(weir_be_uint(mac, 6), text));
}

/* The ends of the range mean that there is no such value. */
static void tell_signed(const struct reading *r, const char *name, uint32_t bits)
{
	int64_t value = (int32_t)bits;
	char text[NAME_MAX_LEN];

	if (value >= INT32_MAX || value <= -INT32_MAX)
		return;
	(void)snprintf(text, sizeof(text), "%s%s", name, value < 0 ? "_below_zero" : "");
	tell_number(r, text, (uint64_t)(value < 0 ? -value : value));
}

static void read_array(const struct reading *r, const char *name, struct weir_cursor *c)
{
	uint32_t count = weir_cursor_u32(c);

	for (uint32_t i = 0; i < count && !c->fault; i++) {
		uint32_t value = weir_cursor_u32(c);
		char text[NAME_MAX_LEN];

		(void)snprintf(text, sizeof(text), "%s_%u", name, i);
		if (!c->fault && value != UINT32_MAX)
			tell_number(r, text, value);
	}
}

static void read_adapters(const struct reading *r, const char *name, struct weir_cursor *c)
{
	uint32_t adapters = weir_cursor_u32(c);

	for (uint32_t i = 0; i < adapters && !c->fault; i++) {
		uint32_t if_index = weir_cursor_u32(c);
		uint32_t addresses = weir_cursor_u32(c);

		for (uint32_t k = 0; k < addresses && !c->fault; k++)
			tell_mac(r, name, if_index, c);
	}
}

static void read_text(const struct reading *r, const char *name, struct weir_cursor *c)
{
	uint32_t len = weir_cursor_u32(c);
	const uint8_t *data = weir_cursor_take(c, len);

	weir_cursor_skip(c, (4 - len % 4) % 4);
	if (!data || !len)
		return;
	tell_text(r, name, r->source, data, len);
	if (r->of_interface && r->record->format == PORT_NAME)
		weir_describe_learn(r->m, WEIR_NAME_INTERFACE, r->source, WEIR_NAME_PROPER, data, len);
	if (r->record->format == HOST && strcmp(name, "hostname") == 0)
		weir_describe_learn(r->m, WEIR_NAME_EXPORTER, 0, WEIR_NAME_PROPER, data, len);
}

static void read_field(struct reading *r, const struct field *f, struct weir_cursor *c)
{
	struct weir_value_text uuid;
	const uint8_t *data;
	uint64_t value;

	switch (f->width) {
	case W32:
		value = weir_cursor_u32(c);
		if (r->record->names_source && f == r->record->field)
			r->source = (uint32_t)value;
		else if (!c->fault && value != UINT32_MAX)
			tell_number(r, f->name, value);
		break;
	case W64:
		value = weir_cursor_u64(c);
		if (!c->fault && value != UINT64_MAX)
			tell_number(r, f->name, value);
		break;
	case MILLI:
		if (milli(weir_cursor_u32(c), &value) && !c->fault)
			tell_number(r, f->name, value);
		break;
	case SIGNED:
		value = weir_cursor_u32(c);
		if (!c->fault)
			tell_signed(r, f->name, (uint32_t)value);
		break;
	case ARRAY:
		read_array(r, f->name, c);
		break;
	case INDEX:
		(void)snprintf(r->prefix, sizeof(r->prefix), "%.10s%u_", f->name, weir_cursor_u32(c));
		break;
	case TEXT:
		read_text(r, f->name, c);
		break;
	case UUID:
		data = weir_cursor_take(c, 16);
		uuid = weir_value_text(NULL, data, data ? 16 : 0, r->m->work->text);
		if (data)
			tell_text(r, f->name, r->source, uuid.text, uuid.len);
		break;
	case MAC:
		tell_mac(r, f->name, r->source, c);
		break;
	case ADAPTERS:
		read_adapters(r, f->name, c);
		break;
	case LIST:
	case OPTIONAL:
	case END:
	default:
		break;
	}
}

static void read_fields(struct reading *r, const struct field *f, struct weir_cursor *c)
{
	for (; f->name && f->width != LIST && !c->fault; f++) {
		if (f->width == OPTIONAL && !weir_cursor_left(c))
			return;
		read_field(r, f, c);
	}
	if (f->name && !c->fault) {
		uint32_t count = weir_cursor_u32(c);

		for (uint32_t i = 0; i < count && !c->fault; i++)
			read_fields(r, f + 1, c);
	}
}

static void read_unknown(struct reading *r, uint32_t format, const struct weir_cursor *c)
{
	struct weir_value_text text = weir_value_text(NULL, c->at, weir_cursor_left(c), r->m->work->text);
	char kind[32];
	const struct record unknown = {.kind = kind};

	(void)snprintf(kind, sizeof(kind), "counters %u:%u", format >> 12, format & 0xfff);
	r->record = &unknown;
	tell_text(r, "record", r->source, text.text, text.len);
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
	read_fields(r, r->record->field, c);
	if (c->fault)
		weir_message_fault(r->m, WEIR_FAULT_SFLOW_RECORD);
}

bool weir_sflow_counters(const struct weir_message *m, struct weir_cursor *c, bool expanded)
{
	uint32_t source_class;
	uint32_t source;
	uint32_t records;

	weir_cursor_skip(c, 4); /* sequence number of the source */
	source_class = weir_cursor_u32(c);
	source = expanded ? weir_cursor_u32(c) : source_class & 0xffffff;
	if (!expanded)
		source_class >>= 24;
	records = weir_cursor_u32(c);
	for (uint32_t i = 0; i < records && !c->fault; i++) {
		uint32_t format = weir_cursor_u32(c);
		struct weir_cursor record = weir_cursor_sub(c, weir_cursor_u32(c));
		struct reading r = {.m = m, .source = source, .of_interface = source_class == 0};

		if (!c->fault)
			read_record(&r, format, &record);
	}
	if (!c->fault && weir_cursor_left(c))
		weir_message_fault(m, WEIR_FAULT_SFLOW_TRAILING);
	return !c->fault;
}
