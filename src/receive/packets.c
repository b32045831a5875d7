#include "receive/packets_kind.h"

int weir_packets_poll(struct weir_packets *packets, int timeout_ms, weir_packets_take *take, void *ctx,
		      struct weir_error *err)
{
	return packets->kind->poll(packets, timeout_ms, take, ctx, err);
}

bool weir_packets_ended(const struct weir_packets *packets)
{
	return packets->ended;
}

const struct weir_packets_stats *weir_packets_stats(struct weir_packets *packets)
{
	if (packets->kind->count)
		packets->kind->count(packets);
	return &packets->stats;
}

void weir_packets_close(struct weir_packets *packets)
{
	if (packets)
		packets->kind->close(packets);
}
