/* Numbers in environment variables. One table has them all, with their ranges, so that a mistake in any is found at the start. */
#ifndef SHOAL_BASE_ENVIRONMENT_H
#define SHOAL_BASE_ENVIRONMENT_H

#include <stdint.h>

#include "base/err.h"

/* ERR_USAGE naming a variable that is set to no number, or to one out of its range. */
err environment_check(void);

/* The number that a variable of the table is set to; `otherwise` where it is not set (or is empty, or no such number). */
int64_t environment_number(const char *name, int64_t otherwise);

#endif
