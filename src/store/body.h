/* A request's body as it arrives. The statement is what stands in the URL and, behind it, in the body; an INSERT's data
 * goes to a file of its own, from which the engine reads it when it is whole. Memory is bounded by the longest
 * statement. One thread. */
#ifndef WEIR_STORE_BODY_H
#define WEIR_STORE_BODY_H

#include <stdint.h>

#include "base/buffer.h"
#include "store/request.h"
#include "store/statement.h"

#define WEIR_BODY_STATEMENT_MAX (1024UL * 1024)
#define WEIR_BODY_DATA_MAX	(16UL * 1024 * 1024 * 1024)

struct weir_decompressor;

struct weir_body {
	struct weir_buffer text; /* the statement; of an INSERT only what stands before its data */
	struct weir_statement statement;
	char *path;		 /* of the data's file; owned; NULL: none */
	enum weir_coding coding; /* of the file */
	uint64_t data_bytes;	 /* in the file */

	const char *folder; /* borrowed */
	struct weir_decompressor *decompressor;
	int fd;
	bool settled;	     /* the statement is known */
	bool raw;	     /* the body is data alone: kept as it comes, decompressed only to see that it is whole */
	bool separate;	     /* the URL's part and the body's need a line end between them */
	bool failed;	     /* fault is set; what still comes is thrown away */
	size_t next_try;     /* length of text at which it is looked at again */
	struct weir_request_fault fault;
};

/* folder: where data files are made. The body borrows it and must be given to weir_body_done(), whatever is returned.
 * Failures are kept in body->fault, also by the calls that follow. */
void weir_body_init(struct weir_body *body, const char *folder, const struct weir_request *request);
void weir_body_add(struct weir_body *body, const void *data, size_t len);
/* After the last piece: 0, or -EINVAL with body->fault. */
int weir_body_finish(struct weir_body *body) WEIR_MUST_CHECK;
/* Removes the file; the statement stays. */
void weir_body_drop_data(struct weir_body *body);
/* Removes the file, too. */
void weir_body_done(struct weir_body *body);

#endif
