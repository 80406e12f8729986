/* pack: the makers of data sets, and the check of whole ones. */
#ifndef SHOAL_PACK_H
#define SHOAL_PACK_H

#include "data/data.h"

typedef struct pack_options {
    const char *source;  /* folder, csv: file; or NULL */
    const char *out;     /* folder: OUT/train.h5, OUT/val.h5 */
    bool strict;         /* a picture that cannot be decoded ends the run */
    bool lenient;        /* folder, csv: any number of pictures may be left out, and classes without pictures */
    uint64_t seed;       /* folder, csv: the split; glyphs: the drawing */
    double val_share;    /* folder without val/, csv: share of each class that goes to val.h5 */
    const char *leave_out; /* folder: names that are left out, patterns divided by commas; or NULL */
    bool deep;           /* folder: classes may hold pictures in folders of their own only */
    bool no_splits;      /* folder: folders called train, val and the like are classes */
    const char *labels, *targets; /* csv: names of columns, divided by commas; or NULL */
    const char *paths;   /* csv: the column of paths; NULL: the first */
    const char *separator; /* csv: what divides several labels in a cell; NULL: a cell is one */
    const char *set;     /* mnist: of several sets in a folder, the one of this name; or NULL */
    int64_t file_bytes;  /* imagenet: of each file, about */
    int most_side;       /* imagenet: pictures with a longer side are made that small and encoded anew; 0: none */
    int quality;         /* … as JPEG of that quality, 1…100 */
} pack_options;

typedef struct pack_kind {
    const char *name;
    const char *usage;   /* `DIR OUT`; `OUT` where it needs no source */
    const char *what;    /* one line for --help */
    err (*pack)(const pack_options *options);
    bool shared;         /* collective: the work is shared among the ranks */
} pack_kind;

extern const pack_kind pack_kinds[];
extern const int n_pack_kinds;

/* ---- checking data sets ---- */

typedef struct dataset_spread {
    int64_t least, most, sum;
} dataset_spread;

/* What was found when every picture was looked at. */
typedef struct dataset_report {
    int64_t good, bad;
    dataset_spread width, height, bytes; /* of the good ones, in pixels; bytes as stored */
    uint64_t *classes;                   /* [n_classes] good ones */
    float mean[3], std[3];               /* of x/255 over them */
} dataset_report;

/* Reads, checks and decodes every picture, shared among ranks and threads; names the bad ones on stderr, up to a hundred a rank. Shows
 * progress. All ranks get the whole report; to be reset in any case. Collective. */
err dataset_verify(const dataset *d, dataset_report *report);
void dataset_report_reset(dataset_report *report);

#endif
