/* The bad records of a data set: each is named once in a run's quarantine.csv, and too many end the run. All ranks know all of them. */
#ifndef SHOAL_TRAIN_QUARANTINE_H
#define SHOAL_TRAIN_QUARANTINE_H

#include "data/data.h"

typedef struct quarantine quarantine;

/* For the set that `pattern` names; `max_bad` is the share of its records that may be bad. `folder` has, or is to have, the quarantine.csv
 * (NULL: none); what is named there already is known. Close in any case. Collective: the same code everywhere. ERR_DATA where too many are named there. */
err quarantine_open(quarantine **out, const dataset *d, const char *pattern, double max_bad, const char *folder);
void quarantine_close(quarantine *q); /* NULL is allowed */

/* Whether one of a batch's bad records is not known yet. */
bool quarantine_has_news(const quarantine *q, const loader_batch *b);

/* Adds what the batches of all ranks met, rank 0 names what is new in the log and in the file. `bad` may hold known ones and duplicates.
 * Collective. ERR_DATA where there are too many now, ERR_IO. */
err quarantine_add(quarantine *q, const bad_record *bad, int count);

#endif
