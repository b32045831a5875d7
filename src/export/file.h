/* An IPFIX file (RFC 5655) to write: messages one after the other, as a session would carry them, so that each template
 * stands once, before its first record. Observation domains are kept; an exporter's address has no place in a message.
 * What the encoder does not send (export/encoder.h) is not in the file either. One thread; it owns the file. */
#ifndef WEIR_EXPORT_FILE_H
#define WEIR_EXPORT_FILE_H

#include <stdint.h>

#include "base/error.h"
#include "flow/block.h"

struct weir_export_file;

/* The file is made new. */
int weir_export_file_open(const char *path, struct weir_export_file **ret_file, struct weir_error *err) WEIR_MUST_CHECK;
/* A message's export time is the time of receipt of its flows, to the second. */
int weir_export_file_write(struct weir_export_file *file, const struct weir_block *block, struct weir_error *err)
	WEIR_MUST_CHECK;
/* Flows written so far. */
uint64_t weir_export_file_flows(const struct weir_export_file *file);
/* Writes what is left; the file is gone also on failure. NULL is allowed. */
int weir_export_file_close(struct weir_export_file *file, struct weir_error *err) WEIR_MUST_CHECK;

#endif
