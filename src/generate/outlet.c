#include "generate/outlet_kind.h"

int weir_outlet_send(struct weir_outlet *outlet, const struct weir_addr *source, int64_t now_ms, const void *data,
		     size_t len, struct weir_error *err)
{
	return outlet->kind->send(outlet, source, now_ms, data, len, err);
}

int weir_outlet_flush(struct weir_outlet *outlet, struct weir_error *err)
{
	return outlet->kind->flush(outlet, err);
}

int weir_outlet_finish(struct weir_outlet *outlet, struct weir_error *err)
{
	return outlet->kind->finish ? outlet->kind->finish(outlet, err) : outlet->kind->flush(outlet, err);
}

const struct weir_outlet_stats *weir_outlet_stats(const struct weir_outlet *outlet)
{
	return &outlet->stats;
}

const char *weir_outlet_name(const struct weir_outlet *outlet)
{
	return outlet->name;
}

bool weir_outlet_has_sources(const struct weir_outlet *outlet)
{
	return outlet->has_sources;
}

void weir_outlet_close(struct weir_outlet *outlet)
{
	if (outlet)
		outlet->kind->close(outlet);
}
