/* How a folder of pictures is laid out: which folders are splits, which are classes. Inside of the pack room only. */
#ifndef SHOAL_PACK_LAYOUT_H
#define SHOAL_PACK_LAYOUT_H

#include "pack/internal.h"
#include "pack/tree.h"

typedef struct folder_layout {
    picture_tree trees[N_SPLITS]; /* the second only where both splits lie there */
    bool split;                   /* whether they do */
    picture_tree beside;          /* the folder that holds the splits, where there are any */
} folder_layout;

/* Finds out, lists everything and prints it as a table. What is in doubt is refused with the way to say what is meant. Opens no picture.
 * Reset in any case. ERR_IO, ERR_DATA, ERR_USAGE. */
err folder_layout_find(folder_layout *l, const pack_options *options);
void folder_layout_reset(folder_layout *l);

/* What was found: split, class, pictures, left out and why. */
void folder_layout_print(const folder_layout *l);

/* A line for each class of which pictures were left out. */
void folder_layout_print_left_out(const folder_layout *l);

#endif
