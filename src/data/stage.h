/* The folder of copies of a node, and how one is made. Inside of the data room only. */
#ifndef SHOAL_DATA_STAGE_H
#define SHOAL_DATA_STAGE_H

#include "data/dataset.h"

enum { STAGE_PATH = 4096 };

/* A folder of this run alone in DIR, with room for `bytes` bytes; what killed runs have left in DIR is removed before. Its lock is held until
 * stage_folder_remove(), or until the process is gone. ERR_IO. */
typedef struct stage_folder {
    char path[STAGE_PATH];
    int lock;
} stage_folder;

err stage_folder_make(stage_folder *f, const char *dir, uint64_t bytes);
void stage_folder_remove(stage_folder *f);

/* Called now and then with bytes that are done; false: stop. */
typedef bool stage_progress(void *context, size_t bytes);

/* The part's file as `path`, then read again and compared by CRC. ERR_IO; ERR_REQUEUE where progress says stop. */
err stage_copy(const dataset_part *p, const char *path, stage_progress *progress, void *context);

/* Reads from the copy from now on. ERR_IO. */
err stage_switch(dataset_part *p, const char *path);

/* Bytes of the part's file. */
err stage_size(const dataset_part *p, uint64_t *bytes);

#endif
