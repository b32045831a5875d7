/* The rows of a query on their way to the client: the first megabyte is gathered, so that an error in it can still be
 * told with the right status; the rest streams. With wait_end everything is gathered, what does not fit into memory
 * in an unnamed file. The client's connection is watched: when it goes away, the query is given up. One thread. */
#ifndef WEIR_STORE_ANSWER_H
#define WEIR_STORE_ANSWER_H

#include <sys/types.h>

#include "store/host.h"

enum weir_answer_state {
	WEIR_ANSWER_ENDED, /* all rows are gathered: take result, then head and file */
	WEIR_ANSWER_MORE,  /* head is full and more comes */
	WEIR_ANSWER_GONE,  /* the client went away, or the host stops */
	WEIR_ANSWER_FAILED, /* no disk or memory; failure says which */
};

struct weir_answer {
	struct weir_host *host;	       /* borrowed */
	struct weir_host_query *query; /* borrowed */
	int rows_fd;		       /* the query's */
	int client_fd;		       /* borrowed; -1: not watched */
	struct weir_buffer head;
	size_t head_given;
	int file_fd; /* what comes behind head; -1: none */
	uint64_t file_bytes;
	int failure; /* errno */
	const struct weir_chdb_result *result;
	bool told; /* the error behind the rows was given */
};

void weir_answer_init(struct weir_answer *answer, struct weir_host *host, struct weir_host_query *query, int rows_fd,
		      int client_fd);
void weir_answer_done(struct weir_answer *answer);
enum weir_answer_state weir_answer_gather(struct weir_answer *answer, bool wait_end);
/* The next bytes after WEIR_ANSWER_MORE: their number, 0 at the end, -1 when the rest will not come. The text of an
 * error that comes amid the rows is given before the -1. */
ssize_t weir_answer_read(struct weir_answer *answer, char *buffer, size_t size);

#endif
