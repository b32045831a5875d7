#include "replicate/health.h"

bool weir_health_note(struct weir_health *health, const struct weir_replicate_health_rule *rule, bool well,
		      int64_t now_ns)
{
	if (!well) {
		health->well_since = 0;
		health->failures++;
		if (health->down || health->failures < rule->failures)
			return false;
		health->down = true;
		return true;
	}
	health->failures = 0;
	if (!health->well_since)
		health->well_since = now_ns;
	if (!health->down || now_ns - health->well_since < rule->return_ns)
		return false;
	health->down = false;
	return true;
}
