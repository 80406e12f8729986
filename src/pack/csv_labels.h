/* What a CSV file says of its pictures: labels and numbers. Inside of the pack room only. */
#ifndef SHOAL_PACK_CSV_LABELS_H
#define SHOAL_PACK_CSV_LABELS_H

#include "pack/csv.h"

typedef struct csv_labels {
    char **classes; /* sorted: as numbers where all are, bytewise otherwise; or the columns' names */
    int n_classes;
    bool several;      /* a row may have any number of labels */
    int32_t *labels;   /* ascending in each row */
    uint64_t *offsets; /* [rows + 1] */
} csv_labels;

/* From `columns` of the table. One, without a separator: a label in each row. One with a separator: any number. More: 0 or 1 in each, and
 * the columns are the classes. ERR_DATA. Cuts cells up at the separator. Reset in any case. */
err csv_labels_read(csv_labels *l, const csv_table *t, const int *columns, int n_columns, const char *separator);
void csv_labels_reset(csv_labels *l);

/* Numbers from `columns`, [rows][n_columns]; mem_free(). ERR_DATA. */
err csv_numbers_read(float **numbers, const csv_table *t, const int *columns, int n_columns);

#endif
