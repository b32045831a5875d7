/* The spool's folder as a writer and a reader both need it: made where it is missing, its identity, and the names in
 * it. Private to the module.
 *
 *   DIR/id                                   32 hex digits and a newline, made once
 *   DIR/<lane>/<number>-<rows>.native.lz4    a finished segment; tmp-… an unfinished one
 *   DIR/position/<consumer>                  see position.h
 *   DIR/damaged/<lane>-<segment's name>      what failed its checksum
 */
#ifndef WEIR_SPOOL_FOLDER_H
#define WEIR_SPOOL_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "spool/spool.h"

#define WEIR_SPOOL_ID_LEN   32
#define WEIR_SPOOL_NAME_MAX 64 /* a segment's name: 16 digits, at most 20 of rows, the suffix */
#define WEIR_SPOOL_POSITION "position"
#define WEIR_SPOOL_DAMAGED  "damaged"
#define WEIR_SPOOL_TMP	    "tmp-"

struct weir_spool_folder {
	char *dir; /* owned */
	int fd;
	char id[WEIR_SPOOL_ID_LEN + 1];
};

/* Make the folder with its parents and its id where they are missing. */
int weir_spool_folder_open(const char *dir, struct weir_spool_folder *ret_folder, struct weir_error *err)
	WEIR_MUST_CHECK;
void weir_spool_folder_done(struct weir_spool_folder *folder);
/* A folder inside, made and synced where it is missing; returns a descriptor. */
int weir_spool_folder_enter(const struct weir_spool_folder *folder, const char *name, struct weir_error *err)
	WEIR_MUST_CHECK;

/* Replace folder_fd/name by text, so that after a crash it is either the old or the new. The old file is kept as
 * "tmp-<name>" and written over the next time, so that a full disk does not stop what makes room on it: on most file
 * systems nothing is allocated. */
int weir_spool_replace(int folder_fd, const char *name, const void *text, size_t len) WEIR_MUST_CHECK;
int weir_spool_write_all(int fd, const void *data, size_t len) WEIR_MUST_CHECK;

/* Of lanes and consumers: small letters, digits, '-' and '_', and not one of the spool's own names. */
bool weir_spool_is_name(const char *name);
void weir_spool_segment_name(uint64_t number, uint64_t rows, char ret_name[static WEIR_SPOOL_NAME_MAX]);
bool weir_spool_segment_parse(const char *name, uint64_t *ret_number, uint64_t *ret_rows);

#endif
