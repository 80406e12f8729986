/* Paths of the file system. */
#ifndef SHOAL_BASE_PATH_H
#define SHOAL_BASE_PATH_H

#include "base/err.h"

/* Makes a folder and those above it; no error where it is there. ERR_IO. */
err path_make_folders(const char *folder);

#endif
