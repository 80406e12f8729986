/* IDX files, the format of MNIST: where they are. Inside of the pack room only. */
#ifndef SHOAL_PACK_IDX_H
#define SHOAL_PACK_IDX_H

#include "pack/internal.h"

typedef enum idx_kind { IDX_IMAGES, IDX_LABELS, N_IDX_KINDS } idx_kind;

typedef struct idx_set {
    char *folder; /* where the files lie */
    char *name;   /* what stands before `train` and `t10k`; "" for MNIST itself */
    char *files[N_SPLITS][N_IDX_KINDS];
} idx_set;

/* Finds the four files in a folder or in `raw` below it; `wanted` (NULL: whichever is there) names the set. Reset in any case. ERR_IO where
 * one is missing; ERR_DATA where there are several sets. */
err idx_set_find(idx_set *s, const char *root, const char *wanted);
void idx_set_reset(idx_set *s);

#endif
