/* Reads what base/metrics.h writes: the samples of a file in Prometheus' text format. Lines of another form are passed over,
 * for the file may be a newer program's. The samples own their text. One thread. */
#ifndef WEIR_BASE_SAMPLES_H
#define WEIR_BASE_SAMPLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define WEIR_SAMPLES_BYTES_MAX 1048576

struct weir_sample {
	const char *name;
	const char *labels; /* as written between the braces; "" where there are none */
	double value;
};

struct weir_samples {
	char *text; /* owned */
	struct weir_sample *sample; /* owned */
	size_t count;
	int64_t written_ns; /* wall clock: when the file was replaced last */
};

/* -ENOENT: no such file. */
int weir_samples_read(const char *path, struct weir_samples *ret_samples) WEIR_MUST_CHECK;
int weir_samples_parse(const char *text, size_t len, struct weir_samples *ret_samples) WEIR_MUST_CHECK;
void weir_samples_done(struct weir_samples *samples);

/* labels: exactly these, "" for none. False, and ret_value is as it was, where there is no such sample. */
bool weir_samples_get(const struct weir_samples *samples, const char *name, const char *labels, double *ret_value);
/* The value of one label, unescaped: of fault="x" it is x. False where the sample has no such label. */
bool weir_sample_label(const struct weir_sample *sample, const char *label, char *ret_text, size_t size);

#endif
