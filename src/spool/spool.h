/* The spool: a durable log of segments on local disk between collect and the sinks.
 *
 * Layout. DIR/id is the spool's random identity (for deduplication tokens). DIR/<lane>/ holds one worker's
 * segments of one table (flow/record.h), <16 hex digits of the number>-<rows>.native.lz4, numbered from 1 without gaps; a segment is written
 * to a name beginning with "tmp-", synced, and renamed, so a finished name is a finished segment. A segment is a
 * run of LZ4 frames (with block checksums), each one Native block with the columns that it needs:
 * ClickHouse reads the file as it is, and so does whatever reads frames one after the other.
 * DIR/position/<consumer> says what a sink has stored; it is replaced atomically (write, sync, rename, sync the
 * folder). Segments are kept for whoever has a file there: remove that of a consumer that is gone for good.
 *
 * Promise. After kill -9 at any moment every segment with a finished name is whole, and its consumer sees it
 * until it committed it. A segment that fails its checksum is set aside in DIR/damaged and counted. A number is
 * never used twice, as long as the newest file of each lane (or of DIR/damaged) is left alone.
 *
 * Threads. A writer belongs to one thread, a reader to one thread or process; they meet on disk only. A lane has
 * one writer and a consumer one reader at a time: locks see to it, across processes.
 */
#ifndef WEIR_SPOOL_SPOOL_H
#define WEIR_SPOOL_SPOOL_H

#include <stdint.h>

#include "base/error.h"
#include "flow/block.h"
#include "flow/record.h"

#define WEIR_SPOOL_LANE_MAX 32

struct weir_spool_options {
	const char *dir;	/* borrowed; made with mode 0750 if missing */
	const char *lane;	/* borrowed: "w0" */
	uint64_t segment_bytes_max; /* a segment is closed when it reaches this (compressed) */
	uint64_t segment_rows_max;
	uint64_t bytes_max;	/* of all lanes: beyond it the oldest segments go, counted; the newest of a lane stays */
};

struct weir_spool_stats {
	uint64_t segments;	   /* finished, with their rows and bytes */
	uint64_t rows;
	uint64_t bytes;		   /* compressed */
	uint64_t dropped_segments; /* removed unread because of bytes_max */
	uint64_t dropped_rows;
	uint64_t write_errors;	   /* disk full and the like; the rows concerned are in lost_rows */
	uint64_t lost_rows;
	uint64_t abandoned_segments; /* unfinished ones of a writer that died, removed when this one was opened */
};

struct weir_spool_writer;

/* -EWOULDBLOCK when another writer has the lane. Starts behind the newest number of the lane. */
int weir_spool_writer_open(const struct weir_spool_options *options, struct weir_spool_writer **ret_writer,
			   struct weir_error *err) WEIR_MUST_CHECK;
/* Closes the segment as weir_spool_sync() does. */
void weir_spool_writer_close(struct weir_spool_writer *writer);
/* Append a block to the open segment, which is finished when it is full. The block is the caller's and may be reset
 * afterwards. On an error the block's rows are lost and counted (those before are kept, if the disk still can); the
 * writer goes on with a new segment and so recovers by itself. */
int weir_spool_append(struct weir_spool_writer *writer, const struct weir_block *block, struct weir_error *err)
	WEIR_MUST_CHECK;
/* The same with rows that are a Native block already. */
int weir_spool_append_native(struct weir_spool_writer *writer, const struct weir_buffer *native, uint64_t rows,
			     struct weir_error *err) WEIR_MUST_CHECK;
/* Finish the open segment: sync, rename, sync the folder. Nothing happens when it has no rows. */
int weir_spool_sync(struct weir_spool_writer *writer, struct weir_error *err) WEIR_MUST_CHECK;
/* Remove segments that every consumer has committed, and the oldest ones beyond bytes_max, in all lanes. Lists the
 * spool: to be called every few seconds by one of the writers. */
int weir_spool_clean(struct weir_spool_writer *writer, struct weir_error *err) WEIR_MUST_CHECK;
const struct weir_spool_stats *weir_spool_writer_stats(const struct weir_spool_writer *writer);

struct weir_spool_segment {
	char path[512];
	char lane[WEIR_SPOOL_LANE_MAX];
	enum weir_table table; /* which its rows are of */
	uint64_t number;
	uint64_t rows;
	uint64_t bytes;
	char token[96]; /* "<spool id>-<lane>-<number>": the insert_deduplication_token */
};

struct weir_spool_reader;

/* Register the consumer (its position file is made at once, so that nothing is removed before it was read). One whose name begins
 * as the lanes of a table do ("events-soc") reads those lanes only, and the others do not wait for it. */
int weir_spool_reader_open(const char *dir, const char *consumer, struct weir_spool_reader **ret_reader,
			   struct weir_error *err) WEIR_MUST_CHECK;
void weir_spool_reader_close(struct weir_spool_reader *reader);
/* 1: *ret_segment is the oldest segment behind the position, of any lane, verified against its checksums (the
 * same one again until it is committed). 0: nothing there. Negative: err. Lanes take turns. */
int weir_spool_next(struct weir_spool_reader *reader, struct weir_spool_segment *ret_segment,
		    struct weir_error *err) WEIR_MUST_CHECK;
/* The same for the one that will come when the current one is committed, as far as is known without a new look at the spool;
 * 0 also for one that is damaged, which weir_spool_next() will see to. Nothing changes for weir_spool_next(). */
int weir_spool_peek(struct weir_spool_reader *reader, struct weir_spool_segment *ret_segment, struct weir_error *err)
	WEIR_MUST_CHECK;
int weir_spool_commit(struct weir_spool_reader *reader, const struct weir_spool_segment *segment,
		      struct weir_error *err) WEIR_MUST_CHECK;

/* The consumer cannot use this segment: keep it in DIR/damaged (a second name: other consumers may still want it)
 * and go on behind it. Not counted as damaged here. */
int weir_spool_set_aside(struct weir_spool_reader *reader, const struct weir_spool_segment *segment,
			 struct weir_error *err) WEIR_MUST_CHECK;

/* The rows of a segment of another table than flows, in turn: weir_records_read() frame by frame. A non-zero return of each() ends
 * it and is returned. -EBADMSG: the segment is damaged, or not of the table. */
int weir_spool_read_records(const struct weir_spool_segment *segment, int (*each)(void *ctx, const struct weir_record *record),
			    void *ctx, struct weir_error *err) WEIR_MUST_CHECK;
/* A consumer that is gone for good: nothing waits for it any more. Nothing happens when there is none of that name. */
int weir_spool_forget(const char *dir, const char *consumer, struct weir_error *err) WEIR_MUST_CHECK;

struct weir_spool_backlog {
	uint64_t segments;
	uint64_t rows;	  /* flows */
	uint64_t records; /* of other tables */
	uint64_t bytes;
	uint64_t damaged_segments; /* set aside since the reader was opened */
	uint64_t missing_segments; /* numbers that were skipped since then: removed unread */
};

/* Looks at the spool anew. */
int weir_spool_backlog(struct weir_spool_reader *reader, struct weir_spool_backlog *ret_backlog,
		       struct weir_error *err) WEIR_MUST_CHECK;

#endif
