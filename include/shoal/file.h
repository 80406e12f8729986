/* Reading Shoal's files from C. Functions return 0, or an exit code of the program (65 bad data, 74 cannot be read); shoal_last_error() is
 * the line that says why. Not collective; not for several threads at once. */
#ifndef SHOAL_FILE_H
#define SHOAL_FILE_H

#include <shoal/model.h>

#include <stddef.h>

/* The last error of this thread: one line, never NULL. */
SHOAL_API const char *shoal_last_error(void);

/* ---- data sets ---- */

typedef struct shoal_dataset shoal_dataset;

/* One file or several named by a glob, in name order. */
SHOAL_API int shoal_dataset_open(shoal_dataset **out, const char *pattern);
SHOAL_API void shoal_dataset_close(shoal_dataset *d);
SHOAL_API int64_t shoal_dataset_count(const shoal_dataset *d);
SHOAL_API int shoal_dataset_classes(const shoal_dataset *d);
SHOAL_API const char *shoal_dataset_class(const shoal_dataset *d, int label);

/* A picture, checked and decoded: *pixels [height, width, channels] uint8, valid until the next call for this data set. */
SHOAL_API int shoal_dataset_read(shoal_dataset *d, int64_t id, const uint8_t **pixels, int *height, int *width, int *channels, int *label);

/* ---- checkpoints ---- */

typedef struct shoal_checkpoint shoal_checkpoint;

/* Other threads that read or write HDF5 files through Shoal wait until it is closed, on the same thread. */
SHOAL_API int shoal_checkpoint_open(shoal_checkpoint **out, const char *path);
SHOAL_API void shoal_checkpoint_close(shoal_checkpoint *c);
SHOAL_API size_t shoal_checkpoint_count(const shoal_checkpoint *c);

/* Tensor `index` in bytewise order of names: its name, number of dimensions, dimensions (up to 4) in PyTorch's order. */
SHOAL_API const char *shoal_checkpoint_name(const shoal_checkpoint *c, size_t index);
SHOAL_API int shoal_checkpoint_shape(shoal_checkpoint *c, size_t index, int *rank, int64_t size[4]);

/* Its values as float32, checked against the stored CRC where there is one. `count` is the number of floats that `values` holds. */
SHOAL_API int shoal_checkpoint_read(shoal_checkpoint *c, size_t index, float *values, size_t count);

#endif
