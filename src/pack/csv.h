/* CSV files (RFC 4180): a header of names, and rows of as many cells. Inside of the pack room only. */
#ifndef SHOAL_PACK_CSV_H
#define SHOAL_PACK_CSV_H

#include "base/base.h"

typedef struct csv_table {
    char *path;
    char *text;     /* the file; the cells lie in it */
    char **cells;   /* [1 + n_rows][n_columns], the header first */
    int64_t *lines; /* [1 + n_rows] where a row begins in the file, from 1 */
    int64_t n_rows;
    int n_columns;
} csv_table;

/* The whole file. Spaces around cells without quotes are left out, empty lines too. ERR_IO; ERR_DATA with line and column of what is wrong.
 * Reset in any case. */
err csv_read(csv_table *t, const char *path);
void csv_reset(csv_table *t);

/* Of a row from 0; the header is row -1. */
char *csv_cell(const csv_table *t, int64_t row, int column);

/* The column of a name. ERR_DATA, with the names that there are, where there is none or two. */
err csv_column(const csv_table *t, const char *name, int *column);

/* ERR_DATA: `what` is wrong with a cell; names file, line and column. */
err csv_refuse(const csv_table *t, int64_t row, int column, const char *what);

#endif
