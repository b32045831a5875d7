/* A person's table, read line by line: fields parted by commas, semicolons or tabs, quoted or not (RFC 4180), with a line of
 * names at its top. Lines that are empty or begin with # are passed over. Nothing is kept of a line but its fields, so a
 * file may be of any length; a line is bounded. The reader owns its memory; one thread. */
#ifndef WEIR_BASE_CSV_H
#define WEIR_BASE_CSV_H

#include <stddef.h>
#include <stdio.h>

#include "base/error.h"

#define WEIR_CSV_LINE_MAX   8191 /* bytes */
#define WEIR_CSV_FIELDS_MAX 64

struct weir_csv {
	FILE *file;	  /* borrowed */
	const char *name; /* for errors; borrowed */
	unsigned line;	  /* the number of the last one read */
	char separator;	  /* '\0': found out by the first line */
	unsigned fields;
	const char *field[WEIR_CSV_FIELDS_MAX]; /* of the last line, without quotes and blanks around them */
	char text[WEIR_CSV_LINE_MAX + 2];
};

void weir_csv_init(struct weir_csv *csv, FILE *file, const char *name, char separator);

/* 1: there is a line, in field; 0: the end; else a mistake (-EINVAL) or the disk's. */
int weir_csv_next(struct weir_csv *csv, struct weir_error *err) WEIR_MUST_CHECK;

/* The fields of one line that is not in a file. 1, 0 where it is empty, or -EINVAL. */
int weir_csv_line(struct weir_csv *csv, const char *text, struct weir_error *err) WEIR_MUST_CHECK;

/* Which field has each of the names, from the line of names just read, without case; -1: none. Other fields are of no interest. */
void weir_csv_columns(const struct weir_csv *csv, const char *const *names, unsigned count, int *ret_column);

/* The field of that number, "" where the line has fewer, or the number is -1. */
static inline const char *weir_csv_field(const struct weir_csv *csv, int column)
{
	return column >= 0 && (unsigned)column < csv->fields ? csv->field[column] : "";
}

/* "FILE:LINE" for a mistake in the last line. */
void weir_csv_where(const struct weir_csv *csv, char *ret_where, size_t size);

#endif
