/* Bytes in a block that grows and is kept. */
#ifndef SHOAL_BASE_BYTE_BUFFER_H
#define SHOAL_BASE_BYTE_BUFFER_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Bytes in a block that grows as needed and is kept. Zero-initialise; byte_buffer_reset() frees. */
typedef struct byte_buffer {
    uint8_t *bytes;
    size_t size, capacity;
} byte_buffer;
void byte_buffer_reset(byte_buffer *b);

/* Room for `size` bytes; content undefined. */
void byte_buffer_resize(byte_buffer *b, size_t size);

/* The whole of a file. ERR_IO; the text names the file. */
err byte_buffer_read(byte_buffer *b, const char *path);

#endif
