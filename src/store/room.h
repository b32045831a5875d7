/* Keeps the engine from changing anything on a disk that is almost full. A pure question; any
 * thread.
 *
 * ClickHouse 26.5 takes no notice when the file of a table's definition cannot be written: it puts
 * the empty file in the place of the good one, and says that all went well (seen). Such a table
 * cannot be altered any more, and the next start of the engine fails. So below
 * WEIR_ROOM_BYTES_LEAST of free space a statement that adds something is refused with the code that
 * ClickHouse has for that, NOT_ENOUGH_SPACE. Reading goes on, and so does what makes room: DROP,
 * TRUNCATE, and ALTER … DROP PARTITION. */
#ifndef WEIR_STORE_ROOM_H
#define WEIR_STORE_ROOM_H

#include "store/body.h"

#define WEIR_ROOM_BYTES_LEAST (64UL << 20)

/* Whether so little is left that the engine cannot start, or fails for that reason. */
bool weir_room_is_out(const char *folder);

/* 0, or -ENOSPC and ret_fault. folder: where the engine keeps its data. */
int weir_room_check(const char *folder, const struct weir_body *body,
		    struct weir_request_fault *ret_fault) WEIR_MUST_CHECK;

/* The same with the number of free bytes given. */
int weir_room_judge(uint64_t free_bytes, const struct weir_body *body,
		    struct weir_request_fault *ret_fault) WEIR_MUST_CHECK;

#endif
