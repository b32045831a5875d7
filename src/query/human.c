#include "query/human.h"

#include <stdio.h>

size_t weir_human_number(double value, const char *unit, char ret_text[WEIR_HUMAN_MAX])
{
	static const char *const prefixes[] = {"", "k", "M", "G", "T", "P", "E"};
	unsigned i = 0;
	double shown = value;

	/* 999.95 would be printed as 1000.0. */
	while (i + 1 < sizeof(prefixes) / sizeof(prefixes[0]) && shown >= (i ? 999.95 : 999.5)) {
		shown /= 1000;
		i++;
	}
	if (i == 0 && !*unit)
		return (size_t)snprintf(ret_text, WEIR_HUMAN_MAX, "%.0f", value);
	return (size_t)snprintf(ret_text, WEIR_HUMAN_MAX, i ? "%.1f %s%s" : "%.0f %s%s", shown, prefixes[i], unit);
}

size_t weir_human_duration(double ms, char ret_text[WEIR_HUMAN_MAX])
{
	long long minutes = (long long)(ms / 60000);

	if (ms < 600000)
		return (size_t)snprintf(ret_text, WEIR_HUMAN_MAX, "%.3f s", ms / 1000);
	if (minutes < 60)
		return (size_t)snprintf(ret_text, WEIR_HUMAN_MAX, "%lld m %02d s", minutes,
					(int)(ms / 1000 - (double)minutes * 60));
	return (size_t)snprintf(ret_text, WEIR_HUMAN_MAX, "%lld h %02lld m", minutes / 60, minutes % 60);
}
