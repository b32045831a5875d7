#include "base/samples.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

/* The brace that closes the labels; one within quotes does not. */
static char *labels_end(char *labels)
{
	bool quoted = false;

	for (char *p = labels; *p; p++) {
		if (quoted && *p == '\\' && p[1])
			p++;
		else if (*p == '"')
			quoted = !quoted;
		else if (*p == '}' && !quoted)
			return p;
	}
	return NULL;
}

/* NAME VALUE or NAME{LABELS} VALUE; the line is cut up in place. */
static bool parse_line(char *line, struct weir_sample *ret_sample)
{
	char *value = line + strcspn(line, "{ ");
	struct weir_sample sample = {.name = line, .labels = ""};
	char *end;

	if (value == line || !*value)
		return false;
	if (*value == '{') {
		*value++ = '\0';
		sample.labels = value;
		value = labels_end(value);
		if (!value || value[1] != ' ')
			return false;
		*value++ = '\0';
	}
	*value++ = '\0';
	sample.value = strtod(value, &end);
	if (end == value || (*end && *end != ' '))
		return false;
	*ret_sample = sample;
	return true;
}

static size_t count_lines(const char *text)
{
	size_t lines = 1;

	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

/* Takes the text over. */
static int parse(char *text, struct weir_samples *ret_samples)
{
	struct weir_samples samples = {.text = text};

	samples.sample = calloc(count_lines(text), sizeof(*samples.sample));
	if (!samples.sample) {
		free(text);
		return -ENOMEM;
	}
	for (char *line = text; *line;) {
		char *next = line + strcspn(line, "\n");

		if (*next)
			*next++ = '\0';
		if (*line != '#')
			samples.count += parse_line(line, &samples.sample[samples.count]);
		line = next;
	}
	*ret_samples = samples;
	return 0;
}

int weir_samples_parse(const char *text, size_t len, struct weir_samples *ret_samples)
{
	char *copy;

	if (len > WEIR_SAMPLES_BYTES_MAX)
		return -EFBIG;
	copy = strndup(text, len);
	return copy ? parse(copy, ret_samples) : -ENOMEM;
}

/* -EFBIG rather than a part. */
static int read_text(int fd, char **ret_text)
{
	char *text = malloc(WEIR_SAMPLES_BYTES_MAX + 1);
	size_t len = 0;
	ssize_t n = 1;

	while (text && len < WEIR_SAMPLES_BYTES_MAX + 1 && n > 0) {
		n = read(fd, text + len, WEIR_SAMPLES_BYTES_MAX + 1 - len);
		len += n > 0 ? (size_t)n : 0;
	}
	if (!text || n < 0 || len > WEIR_SAMPLES_BYTES_MAX) {
		int rc = !text ? -ENOMEM : n < 0 ? -errno : -EFBIG;

		free(text);
		return rc;
	}
	text[len] = '\0';
	*ret_text = text;
	return 0;
}

int weir_samples_read(const char *path, struct weir_samples *ret_samples)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	char *text = NULL;
	int rc;

	if (fd < 0)
		return -errno;
	rc = fstat(fd, &st) ? -errno : S_ISREG(st.st_mode) ? read_text(fd, &text) : -EINVAL;
	(void)close(fd);
	if (!rc)
		rc = parse(text, ret_samples);
	if (!rc)
		ret_samples->written_ns = (int64_t)st.st_mtim.tv_sec * WEIR_NS_PER_S + st.st_mtim.tv_nsec;
	return rc;
}

void weir_samples_done(struct weir_samples *samples)
{
	if (!samples)
		return;
	free(samples->text);
	free(samples->sample);
	*samples = (struct weir_samples){0};
}

bool weir_samples_get(const struct weir_samples *samples, const char *name, const char *labels, double *ret_value)
{
	for (size_t i = 0; i < samples->count; i++) {
		const struct weir_sample *s = &samples->sample[i];

		if (strcmp(s->name, name) == 0 && strcmp(s->labels, labels) == 0) {
			*ret_value = s->value;
			return true;
		}
	}
	return false;
}

static void unescape(const char *from, char *ret_text, size_t size)
{
	size_t len = 0;

	for (; *from && *from != '"' && len + 1 < size; from++) {
		if (*from == '\\' && from[1])
			ret_text[len++] = *++from == 'n' ? '\n' : *from;
		else
			ret_text[len++] = *from;
	}
	ret_text[len] = '\0';
}

bool weir_sample_label(const struct weir_sample *sample, const char *label, char *ret_text, size_t size)
{
	size_t n = strlen(label);

	for (const char *p = sample->labels; *p;) {
		if (strncmp(p, label, n) == 0 && strncmp(p + n, "=\"", 2) == 0) {
			unescape(p + n + 2, ret_text, size);
			return true;
		}
		/* Behind this label's value, and the comma. */
		p += strcspn(p, "\"");
		for (p += *p == '"'; *p && *p != '"'; p++)
			p += *p == '\\' && p[1];
		p += *p == '"';
		p += *p == ',';
	}
	return false;
}
