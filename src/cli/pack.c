/* shoal pack: makes data sets. */
#include "pack/pack.h"
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct settings {
    bool strict, lenient;
    int64_t seed;
    double val_share;
    const char *leave_out;
    bool deep, no_splits;
    const char *labels, *targets, *paths, *separator;
    const char *set;
    const char *file_size;
    int64_t max_side, quality;
} settings;

static const cli_option options[] = {
    {"strict", CLI_FLAG, NULL, "folder, csv, imagenet: a picture that cannot be decoded ends the run (it is left out and counted)",
     offsetof(settings, strict), 0, 0},
    {"lenient", CLI_FLAG, NULL, "folder, csv: more than one in a hundred may be left out, and classes without pictures",
     offsetof(settings, lenient), 0, 0},
    {"seed", CLI_WHOLE, "N", "glyphs: of the drawings; folder, csv: of the split; imagenet: of the order (1)", offsetof(settings, seed), 0,
     9e15},
    {"val-share", CLI_REAL, "X", "folder without val/, csv: share of each class that goes to val.h5 (0.1)", offsetof(settings, val_share),
     0, 0.9},
    {"leave-out", CLI_TEXT, "NAMES", "folder: folders and files beside the classes to leave out, patterns divided by commas",
     offsetof(settings, leave_out), 0, 0},
    {"deep", CLI_FLAG, NULL, "folder: the folders in DIR are the classes, even where all pictures lie in folders below them",
     offsetof(settings, deep), 0, 0},
    {"no-splits", CLI_FLAG, NULL, "folder: folders called train, val, test and the like are classes as others are",
     offsetof(settings, no_splits), 0, 0},
    {"labels", CLI_TEXT, "NAMES", "csv: the column of labels; or several columns, each a class, of 0 and 1", offsetof(settings, labels), 0,
     0},
    {"targets", CLI_TEXT, "NAMES", "csv: columns of numbers", offsetof(settings, targets), 0, 0},
    {"paths", CLI_TEXT, "NAME", "csv: the column of paths, from FILE's folder (the first)", offsetof(settings, paths), 0, 0},
    {"separator", CLI_TEXT, "TEXT", "csv: divides labels where a picture has any number in one column", offsetof(settings, separator), 0,
     0},
    {"set", CLI_TEXT, "NAME", "mnist: which set, where DIR holds several: emnist-letters, …", offsetof(settings, set), 0, 0},
    {"file-size", CLI_TEXT, "SIZE", "imagenet: of each file, about: 1GiB, 500MB, … (1GiB)", offsetof(settings, file_size), 0, 0},
    {"max-side", CLI_WHOLE, "N", "imagenet: pictures with a longer side are made that small and encoded anew (all stay as they are)",
     offsetof(settings, max_side), 8, 65500},
    {"quality", CLI_WHOLE, "N", "imagenet: of pictures that are encoded anew (90)", offsetof(settings, quality), 1, 100},
};

/* `1GiB`, `500 MB`, `1000000`. */
static err read_bytes(const char *text, int64_t *bytes) {
    static const struct {
        const char *name;
        double bytes;
    } units[] = {{"", 1},     {"B", 1},      {"kB", 1e3},    {"MB", 1e6},      {"GB", 1e9},    {"TB", 1e12},
                 {"K", 1024}, {"KiB", 1024}, {"M", 1 << 20}, {"MiB", 1 << 20}, {"G", 1 << 30}, {"GiB", 1 << 30}};
    size_t digits = strspn(text, "0123456789.");
    const char *end = text + digits + strspn(text + digits, " ");
    char *start = text_format("%.*s", (int)digits, text);
    double number = 0;
    text_to_real(start, &number);
    mem_free(start);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(end, units[i].name) == 0 && number * units[i].bytes >= 1 && number * units[i].bytes < 1e15) {
            *bytes = (int64_t)(number * units[i].bytes);
            return OK;
        }
    return fail(ERR_USAGE, "--file-size \"%s\": a size is needed, as 1GiB or 500MB", text);
}

static err find_kind(const pack_kind **out, const char *name) {
    for (int i = 0; i < n_pack_kinds; i++)
        if (strcmp(pack_kinds[i].name, name) == 0) {
            *out = &pack_kinds[i];
            return OK;
        }
    char suggestion[128];
    text_suggest(suggestion, name, pack_kinds, (size_t)n_pack_kinds, sizeof *pack_kinds);
    return fail(ERR_USAGE, "there is no kind of data set \"%s\"%s; `shoal help pack` lists them", name, suggestion);
}

static bool needs_source(const pack_kind *kind) {
    return strchr(kind->usage, ' ') != NULL;
}

/* Options that mean nothing to the kind are mistakes. */
static err check_given(const settings *s, const pack_kind *kind) {
    bool is_csv = strcmp(kind->name, "csv") == 0, is_folder = strcmp(kind->name, "folder") == 0;
    if (s->lenient && s->strict)
        return fail(ERR_USAGE, "--strict and --lenient exclude each other");
    if (s->lenient && !is_csv && !is_folder)
        return fail(ERR_USAGE, "--lenient is for folder and csv");
    if ((s->leave_out || s->deep || s->no_splits) && !is_folder)
        return fail(ERR_USAGE, "--leave-out, --deep and --no-splits are for folder");
    if ((s->labels || s->targets || s->paths || s->separator) && !is_csv)
        return fail(ERR_USAGE, "--labels, --targets, --paths and --separator are for csv");
    if (s->set && strcmp(kind->name, "mnist") != 0)
        return fail(ERR_USAGE, "--set is for mnist");
    if (s->max_side && strcmp(kind->name, "imagenet") != 0)
        return fail(ERR_USAGE, "--max-side is for imagenet; other kinds keep pictures as they are");
    if (s->quality && !s->max_side)
        return fail(ERR_USAGE, "--quality needs --max-side: other pictures stay as they are");
    return OK;
}

static err run(const void *given, char **words, int n_words) {
    const settings *s = given;
    const pack_kind *kind = NULL;
    err code = find_kind(&kind, words[0]);
    if (code == OK && n_words != (needs_source(kind) ? 3 : 2))
        code = fail(ERR_USAGE, "usage is `shoal pack %s %s`", kind->name, kind->usage);
    if (code == OK)
        code = check_given(s, kind);
    if (code != OK)
        return code;
    pack_options how = {
        .source = needs_source(kind) ? words[1] : NULL,
        .out = words[n_words - 1],
        .strict = s->strict,
        .lenient = s->lenient,
        .seed = (uint64_t)s->seed,
        .val_share = s->val_share,
        .leave_out = s->leave_out,
        .deep = s->deep,
        .no_splits = s->no_splits,
        .labels = s->labels,
        .targets = s->targets,
        .paths = s->paths,
        .separator = s->separator,
        .set = s->set,
        .most_side = (int)s->max_side,
        .quality = s->quality ? (int)s->quality : 90,
    };
    code = read_bytes(s->file_size, &how.file_bytes);
    return code == OK ? kind->pack(&how) : code;
}

static bool is_shared(const void *given, char **words, int n_words) {
    (void)given;
    (void)n_words;
    for (int i = 0; i < n_pack_kinds; i++)
        if (strcmp(pack_kinds[i].name, words[0]) == 0)
            return pack_kinds[i].shared;
    return false;
}

static void list_kinds(void) {
    puts("Kinds:");
    for (int i = 0; i < n_pack_kinds; i++) {
        char *usage = text_format("%s %s", pack_kinds[i].name, pack_kinds[i].usage);
        printf("  %-18s %s\n", usage, pack_kinds[i].what);
        mem_free(usage);
    }
}

const cli_command cli_pack = {
    .name = "pack",
    .usage = "KIND [SOURCE] OUT [--strict | --lenient] [--seed N] [--val-share X] [--leave-out NAMES] [--file-size SIZE] [--max-side N "
             "[--quality N]]",
    .what = "Makes a data set: OUT/train.h5 and OUT/val.h5, or several files of each.",
    .example = "  shoal pack glyphs data/glyphs\n"
               "  shoal pack folder ~/pictures/fish data/fish --val-share 0.2\n"
               "  shoal pack csv fish.csv data/fish --labels species\n"
               "  mpirun -np 16 shoal pack imagenet /archive/ILSVRC2012 data/imagenet",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .settings = &(settings){.seed = 1, .val_share = 0.1, .file_size = "1GiB"},
    .settings_size = sizeof(settings),
    .least_words = 2,
    .most_words = 3,
    .collective_for = is_shared,
    .run = run,
    .more_help = list_kinds,
};
