/* Which class an ILSVRC2012 id is. Inside of the pack room only. */
#ifndef SHOAL_PACK_SYNSETS_H
#define SHOAL_PACK_SYNSETS_H

#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

/* Reads the devkit's `meta.mat`: wnids[id - 1] is the WordNet id (`n01440764`) of ILSVRC2012 id `id`, or NULL. Free with
 * mem_free_strings(). ERR_DATA without a file name. */
err synsets_read(const uint8_t *bytes, size_t n_bytes, char ***wnids, int *count);

#endif
