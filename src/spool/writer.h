/* A writer's inside, for writer.c and clean.c. Private to the module. */
#ifndef WEIR_SPOOL_WRITER_STRUCT_H
#define WEIR_SPOOL_WRITER_STRUCT_H

#include "base/buffer.h"
#include "spool/folder.h"
#include "spool/index.h"
#include "spool/pack.h"
#include "spool/spool.h"

struct weir_spool_writer {
	struct weir_spool_folder folder;
	char lane[WEIR_SPOOL_LANE_MAX];
	uint64_t segment_bytes_max;
	uint64_t segment_rows_max;
	uint64_t bytes_max;
	int lane_fd;	 /* locked: the lane is ours */
	uint64_t number; /* of the open segment, or of the next one */
	int fd;		 /* of the open segment; -1: none is open */
	uint64_t bytes;	 /* of whole frames in it */
	uint64_t rows;
	struct weir_buffer native;
	struct weir_native_layout layout;
	struct weir_spool_packer *packer;
	struct weir_buffer frame;
	struct weir_spool_index *index;
	struct weir_spool_stats stats;
};

#endif
