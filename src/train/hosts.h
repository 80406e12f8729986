/* Host names in short: `n[001-004,007]`, as SLURM writes them. */
#ifndef SHOAL_TRAIN_HOSTS_H
#define SHOAL_TRAIN_HOSTS_H

/* New string. The names are put in order; a name that comes twice is told once. */
char *hosts_short(const char **names, int count);

#endif
