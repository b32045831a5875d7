#include "export/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export/encoder.h"

#define DOMAINS_MAX 1024 /* beyond it, domains share the last one's encoder and number */
#define MS_PER_S    1000

struct domain {
	uint32_t number;
	struct weir_encoder *encoder; /* owned */
};

struct weir_export_file {
	FILE *file;
	char name[256];
	unsigned domains;
	struct domain domain[DOMAINS_MAX];
};

int weir_export_file_open(const char *path, struct weir_export_file **ret_file, struct weir_error *err)
{
	struct weir_export_file *f = calloc(1, sizeof(*f));

	if (!f)
		return weir_error_set(err, -ENOMEM, path, NULL, "out of memory");
	(void)snprintf(f->name, sizeof(f->name), "%s", path);
	f->file = fopen(path, "wbe");
	if (!f->file) {
		int rc = weir_error_set(err, -errno, path, "name a file in a folder that you may write to", "cannot write: %s",
					strerror(errno));

		free(f);
		return rc;
	}
	*ret_file = f;
	return 0;
}

static int on_message(void *ctx, const uint8_t *data, size_t len)
{
	struct weir_export_file *f = ctx;

	return fwrite(data, 1, len, f->file) == len ? 0 : -EIO;
}

/* NULL without memory. */
static struct weir_encoder *encoder_of(struct weir_export_file *f, uint32_t number)
{
	const struct weir_encoder_options options = {
		.version = WEIR_FLOW_IPFIX,
		.domain = number,
		.mtu_bytes = WEIR_ENCODER_MTU_MAX,
		.template_refresh_messages = UINT32_MAX,
		.template_refresh_ms = INT64_MAX,
	};
	unsigned i = 0;

	while (i < f->domains && f->domain[i].number != number)
		i++;
	if (i == DOMAINS_MAX)
		return f->domain[i - 1].encoder;
	if (i == f->domains) {
		if (weir_encoder_new(&options, &f->domain[i].encoder))
			return NULL;
		f->domain[i].number = number;
		f->domains++;
	}
	return f->domain[i].encoder;
}

int weir_export_file_write(struct weir_export_file *file, const struct weir_block *block, struct weir_error *err)
{
	const struct weir_encoder_output output = {.send = on_message, .ctx = file};
	const uint32_t *domain = weir_block_u32(block, WEIR_COL_OBSERVATION_DOMAIN);
	const int64_t *received_ms = weir_block_time(block, WEIR_COL_TIME_RECEIVED);
	uint32_t first = 0;

	while (first < block->rows) {
		struct weir_encoder *encoder = encoder_of(file, domain[first]);
		uint32_t end = first + 1;
		int rc;

		while (end < block->rows && domain[end] == domain[first] &&
		       received_ms[end] / MS_PER_S == received_ms[first] / MS_PER_S)
			end++;
		errno = 0;
		rc = encoder ? weir_encoder_encode(encoder, block, first, end - first, received_ms[first], &output) : -ENOMEM;
		if (rc)
			return weir_error_set(err, rc, file->name, NULL, "cannot write: %s", strerror(errno ? errno : -rc));
		first = end;
	}
	return 0;
}

uint64_t weir_export_file_flows(const struct weir_export_file *file)
{
	uint64_t flows = 0;

	for (unsigned i = 0; i < file->domains; i++)
		flows += weir_encoder_stats(file->domain[i].encoder)->flows;
	return flows;
}

int weir_export_file_close(struct weir_export_file *file, struct weir_error *err)
{
	int rc = 0;

	if (!file)
		return 0;
	for (unsigned i = 0; i < file->domains; i++)
		weir_encoder_free(file->domain[i].encoder);
	if (fclose(file->file))
		rc = weir_error_set(err, -errno, file->name, NULL, "cannot write: %s", strerror(errno));
	free(file);
	return rc;
}
