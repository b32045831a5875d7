/* What packet.h reads of a frame, as the columns of a row: each part of the struct is a group of columns, stored and named
 * together. */
#include "packet/dissect.h"

struct target {
	struct weir_block *block;
	uint32_t row;
	struct weir_column_set *present;
};

static inline void put8(const struct target *t, enum weir_column_id id, uint8_t v)
{
	weir_block_u8(t->block, id)[t->row] = v;
	weir_column_set_add(t->present, id);
}

static inline void put16(const struct target *t, enum weir_column_id id, uint16_t v)
{
	weir_block_u16(t->block, id)[t->row] = v;
	weir_column_set_add(t->present, id);
}

static inline void put32(const struct target *t, enum weir_column_id id, uint32_t v)
{
	weir_block_u32(t->block, id)[t->row] = v;
	weir_column_set_add(t->present, id);
}

static inline void put64(const struct target *t, enum weir_column_id id, uint64_t v)
{
	weir_block_u64(t->block, id)[t->row] = v;
	weir_column_set_add(t->present, id);
}

static inline void put_addr(const struct target *t, enum weir_column_id id, const struct weir_addr *v)
{
	weir_block_addr(t->block, id)[t->row] = *v;
	weir_column_set_add(t->present, id);
}

static void put_link(const struct target *t, const struct weir_packet *p)
{
	static const enum weir_column_id labels[WEIR_PACKET_LABELS] = {
		WEIR_COL_MPLS_LABEL_1, WEIR_COL_MPLS_LABEL_2, WEIR_COL_MPLS_LABEL_3};

	if (p->has & WEIR_PACKET_MACS) {
		put64(t, WEIR_COL_DST_MAC, p->dst_mac);
		put64(t, WEIR_COL_SRC_MAC, p->src_mac);
	}
	if (p->has & WEIR_PACKET_VLAN)
		put16(t, WEIR_COL_SRC_VLAN, p->vlan);
	if (p->has & WEIR_PACKET_CUSTOMER_VLAN)
		put16(t, WEIR_COL_CUSTOMER_VLAN, p->customer_vlan);
	if (p->has & WEIR_PACKET_ETHERTYPE)
		put16(t, WEIR_COL_ETHERTYPE, p->ethertype);
	for (unsigned i = 0; i < p->labels; i++)
		put32(t, labels[i], p->label[i]);
}

static void put_network(const struct target *t, const struct weir_packet *p)
{
	if (!(p->has & WEIR_PACKET_IP))
		return;
	put8(t, WEIR_COL_IP_VERSION, p->ip_version);
	put8(t, WEIR_COL_IP_TOS, p->tos);
	put8(t, WEIR_COL_IP_TTL, p->ttl);
	put8(t, WEIR_COL_PROTO, p->proto);
	put_addr(t, WEIR_COL_SRC_ADDR, &p->src_addr);
	put_addr(t, WEIR_COL_DST_ADDR, &p->dst_addr);
	if (p->has & WEIR_PACKET_IPV6)
		put32(t, WEIR_COL_IPV6_FLOW_LABEL, p->flow_label);
	if (p->has & (WEIR_PACKET_IPV4 | WEIR_PACKET_FRAGMENT)) {
		put8(t, WEIR_COL_IP_FLAGS, p->ip_flags);
		put16(t, WEIR_COL_FRAGMENT_OFFSET, p->fragment_offset);
		put32(t, WEIR_COL_FRAGMENT_ID, p->fragment_id);
	}
}

static void put_transport(const struct target *t, const struct weir_packet *p)
{
	if (p->has & WEIR_PACKET_PORTS) {
		put16(t, WEIR_COL_SRC_PORT, p->src_port);
		put16(t, WEIR_COL_DST_PORT, p->dst_port);
	}
	if (p->has & WEIR_PACKET_TCP)
		put16(t, WEIR_COL_TCP_FLAGS, p->tcp_flags);
	if (p->has & WEIR_PACKET_ICMP) {
		put8(t, WEIR_COL_ICMP_TYPE, p->icmp_type);
		put8(t, WEIR_COL_ICMP_CODE, p->icmp_code);
	}
	if (p->has & WEIR_PACKET_VNI)
		put64(t, WEIR_COL_VNI, p->vni);
}

void weir_dissect_put(const struct weir_packet *packet, struct weir_block *block, uint32_t row,
		      struct weir_column_set *present)
{
	struct weir_column_set set = *present;
	struct target t = {.block = block, .row = row, .present = &set};

	put_link(&t, packet);
	put_network(&t, packet);
	put_transport(&t, packet);
	*present = set;
}
