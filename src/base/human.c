#include "base/human.h"

#include "base/decimal.h"

size_t weir_human_text(uint64_t value, char *ret_text)
{
	static const char units[] = " kMGTPE";
	static const uint64_t powers[] = {1, 10, 100};
	uint64_t step = 1; /* a power of ten: what the third digit counts */
	unsigned exponent = 0;
	unsigned unit, decimals;
	char *at = ret_text;

	for (; value / step >= 1000; step *= 10)
		exponent++;
	value = value / step + (step > 1 && value % step >= step / 2);
	if (value == 1000 && exponent) {
		value = 100;
		exponent++;
	}
	/* Three digits times ten to the exponent: the unit is the power of 1000 at or below the first of them. */
	unit = exponent ? (exponent + 2) / 3 : 0;
	decimals = 3 * unit - exponent;
	at = weir_decimal_put(at, value / powers[decimals]);
	if (decimals) {
		*at++ = '.';
		at = weir_decimal_put_fixed(at, value, decimals);
	}
	if (unit)
		*at++ = units[unit];
	*at = '\0';
	return (size_t)(at - ret_text);
}
