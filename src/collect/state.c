/* | "weirexp2" 8 | length of the entries 8 | XXH64 of length and entries 8 | entries | */
#include "collect/state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "base/cursor.h"
#include "base/metrics.h"
#include "base/writer.h"
#include "wire/decoder.h"

#define MAGIC	  "weirexp2" /* the digit is the version */
#define MAGIC_LEN 8

static uint64_t checksum(const void *entries, uint64_t len)
{
	return XXH64(entries, len, len);
}

void weir_state_header(const struct weir_buffer *entries, uint8_t ret_header[WEIR_STATE_HEADER_LEN])
{
	struct weir_writer w = weir_writer(ret_header, WEIR_STATE_HEADER_LEN);

	weir_writer_bytes(&w, MAGIC, MAGIC_LEN);
	weir_writer_uint(&w, entries->len, 8);
	weir_writer_uint(&w, checksum(entries->data, entries->len), 8);
}

const uint8_t *weir_state_check(const void *data, size_t len, size_t *ret_len, struct weir_error *err)
{
	struct weir_cursor c = weir_cursor(data, len);
	const uint8_t *magic = weir_cursor_take(&c, MAGIC_LEN);
	uint64_t length = weir_cursor_u64(&c);
	uint64_t sum = weir_cursor_u64(&c);
	const char *why = NULL;

	if (c.fault || memcmp(magic, MAGIC, MAGIC_LEN) != 0)
		why = "it is no file of this version";
	else if (length != weir_cursor_left(&c))
		why = "it is cut short, or too long";
	else if (checksum(c.at, length) != sum)
		why = "it fails its checksum";
	if (why) {
		(void)weir_error_set(err, -EBADMSG, NULL, NULL, "%s", why);
		return NULL;
	}
	*ret_len = weir_cursor_left(&c);
	return c.at;
}

int weir_state_write(const char *path, const struct weir_buffer *entries, struct weir_error *err)
{
	uint8_t header[WEIR_STATE_HEADER_LEN];
	struct weir_buffer file;
	int rc;

	weir_state_header(entries, header);
	weir_buffer_init(&file);
	rc = weir_buffer_append(&file, header, sizeof(header));
	if (!rc)
		rc = weir_buffer_append(&file, entries->data, entries->len);
	rc = rc ? weir_error_set(err, rc, path, NULL, "out of memory") : weir_metrics_publish(path, &file, err);
	weir_buffer_done(&file);
	return rc;
}

static int read_file(const char *path, struct weir_buffer *out)
{
	FILE *file = fopen(path, "re");
	struct stat st;
	int rc = 0;

	if (!file)
		return -errno;
	if (fstat(fileno(file), &st))
		rc = -errno;
	else if (!S_ISREG(st.st_mode) || st.st_size > (off_t)(WEIR_STATE_BYTES_MAX + WEIR_STATE_HEADER_LEN))
		rc = -EFBIG;
	if (!rc)
		rc = weir_buffer_reserve(out, (size_t)st.st_size + 1);
	if (!rc)
		out->len = fread(out->data, 1, (size_t)st.st_size, file);
	if (!rc && ferror(file))
		rc = -EIO;
	(void)fclose(file);
	return rc;
}

int weir_state_read(const char *path, struct weir_buffer *ret_entries, struct weir_error *err)
{
	struct weir_error why = {0};
	struct weir_buffer file;
	const uint8_t *entries;
	size_t len = 0;
	int rc;

	weir_buffer_init(&file);
	rc = read_file(path, &file);
	if (rc) {
		weir_buffer_done(&file);
		return weir_error_set(err, rc, path, NULL, "%s", strerror(-rc));
	}
	entries = weir_state_check(file.data, file.len, &len, &why);
	if (!entries)
		rc = weir_error_set(err, -EBADMSG, path, NULL, "%s", why.what);
	else if (weir_buffer_append(ret_entries, entries, len))
		rc = weir_error_set(err, -ENOMEM, path, NULL, "out of memory");
	weir_buffer_done(&file);
	return rc;
}
