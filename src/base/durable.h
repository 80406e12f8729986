/* On the disk, and not only in memory. Every result on the way counts; only what a call documents as impossible for this kind of file or
 * file system may pass. All ERR_IO texts name the path and the system's reason. */
#ifndef SHOAL_BASE_DURABLE_H
#define SHOAL_BASE_DURABLE_H

#include <stdio.h>

#include "base/err.h"

/* All bytes of a file reach its disk. What memory holds of them is dropped where the system lets it, so that who reads them next sees what
 * the disk holds. The descriptor must be as old as the first byte written: it is told of a failing disk once. */
err durable_sync(int fd, const char *path);

/* The names in a folder reach its disk. */
err durable_sync_folder(const char *folder);

/* Gives a file its final name, and syncs the folder. */
err durable_rename(const char *from, const char *to);

/* Flushes, syncs and closes a stream (NULL: it could not be opened); an error of any write before counts. */
err durable_close(FILE *file, const char *path);

/* The same without a sync, for a file that is gone after a crash anyway. */
err durable_flush(FILE *file, const char *path);

/* A whole small file: under another name first (`.NAME.tmp` beside it), synced, renamed. What was there before stays where that fails. */
err durable_write(const char *path, const void *bytes, size_t count);

#endif
