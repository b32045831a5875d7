/* What the kinds of outlets have in common. Private to generate. */
#ifndef WEIR_GENERATE_OUTLET_KIND_H
#define WEIR_GENERATE_OUTLET_KIND_H

#include "generate/outlet.h"

struct weir_outlet_kind {
	int (*send)(struct weir_outlet *outlet, const struct weir_addr *source, int64_t now_ms, const void *data,
		    size_t len, struct weir_error *err);
	int (*flush)(struct weir_outlet *outlet, struct weir_error *err);
	int (*finish)(struct weir_outlet *outlet, struct weir_error *err); /* NULL: as flush */
	void (*close)(struct weir_outlet *outlet);
};

/* The first member of each kind's own struct. */
struct weir_outlet {
	const struct weir_outlet_kind *kind;
	struct weir_outlet_stats stats;
	bool has_sources;
	char name[256];
};

#endif
