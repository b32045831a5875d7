/* What the host of the embedded store must know of a statement before the engine sees it: whether it gives rows,
 * takes data, or neither; which format it names, and where in the text that stands. Pure; the text is borrowed.
 *
 * The engine's embedded interface has parts of a command line client, which reads and writes files by itself
 * (INTO OUTFILE, FROM INFILE), and one scalar function, file(), that no grant covers. A statement with any of these
 * is refused here. */
#ifndef WEIR_STORE_STATEMENT_H
#define WEIR_STORE_STATEMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum weir_statement_kind {
	WEIR_STATEMENT_ROWS,   /* gives rows: SELECT, SHOW, DESCRIBE … */
	WEIR_STATEMENT_INSERT, /* takes data: INSERT … FORMAT X, INSERT … VALUES */
	WEIR_STATEMENT_OTHER,
};

struct weir_statement {
	enum weir_statement_kind kind;
	size_t len;	   /* up to the semicolon or the last token */
	size_t clause_at;  /* ROWS: where INTO OUTFILE may stand; INSERT: where FROM INFILE may */
	size_t data_at;	   /* INSERT: where the data begins */
	size_t format_at;  /* the format's name; 0: none is named */
	size_t format_len;
	bool is_values;	   /* INSERT … VALUES: the format is Values, and no FORMAT stands before it */
	bool is_change;	   /* its first word adds to what the disk holds: INSERT, CREATE, ALTER … */
};

/* A refusal in the store's own terms. */
struct weir_statement_fault {
	int code; /* ClickHouse's error code */
	char text[256];
};

#define WEIR_CODE_NOT_IMPLEMENTED	       48
#define WEIR_CODE_SYNTAX_ERROR		       62
#define WEIR_CODE_UNKNOWN_FORMAT	       73
#define WEIR_CODE_INTO_OUTFILE_NOT_ALLOWED     358
#define WEIR_CODE_ACCESS_DENIED		       497

/* -EINVAL and ret_fault for what cannot be run. For an INSERT with data, only the part before the data is looked at;
 * `whole` says whether the text is whole: where it is not and the data has not begun, -EAGAIN. */
int weir_statement_parse(const char *text, size_t len, bool whole, struct weir_statement *ret_statement,
			 struct weir_statement_fault *ret_fault) WEIR_MUST_CHECK;

#endif
