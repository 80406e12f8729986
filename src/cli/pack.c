/* shoal pack: makes data sets. */
#include "cli/cli.h"
#include "data/data.h"

#include <stdio.h>
#include <string.h>

typedef struct settings {
    bool strict;
    int64_t seed;
    double val_share;
} settings;

static const cli_option options[] = {
    {"strict", CLI_FLAG, NULL, "folder: a picture that cannot be decoded ends the run (it is skipped and counted)",
     offsetof(settings, strict), 0, 0},
    {"seed", CLI_WHOLE, "N", "glyphs: of the drawings; folder: of the split (1)", offsetof(settings, seed), 0, 9e15},
    {"val-share", CLI_REAL, "X", "folder without val/: share of each class that goes to val.h5 (0.1)", offsetof(settings, val_share), 0,
     0.9},
};

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

static err run(const void *given, char **words, int n_words) {
    const settings *s = given;
    const pack_kind *kind = NULL;
    err code = find_kind(&kind, words[0]);
    if (code != OK)
        return code;
    if (n_words != (kind->needs_source ? 3 : 2))
        return fail(ERR_USAGE, "usage is `shoal pack %s %sOUT`", kind->name, kind->needs_source ? "DIR " : "");
    pack_options how = {
        .source = kind->needs_source ? words[1] : NULL,
        .out = words[n_words - 1],
        .strict = s->strict,
        .seed = (uint64_t)s->seed,
        .val_share = s->val_share,
    };
    return kind->pack(&how);
}

static void list_kinds(void) {
    puts("Kinds:");
    for (int i = 0; i < n_pack_kinds; i++) {
        char *usage = text_format("%s %sOUT", pack_kinds[i].name, pack_kinds[i].needs_source ? "DIR " : "");
        printf("  %-18s %s\n", usage, pack_kinds[i].what);
        mem_free(usage);
    }
}

const cli_command cli_pack = {
    .name = "pack",
    .usage = "KIND [DIR] OUT [--strict] [--seed N] [--val-share X]",
    .what = "Makes a data set: OUT/train.h5 and OUT/val.h5.",
    .example = "  shoal pack glyphs data/glyphs\n"
               "  shoal pack folder ~/pictures/fish data/fish --val-share 0.2",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .settings = &(settings){false, 1, 0.1},
    .settings_size = sizeof(settings),
    .least_words = 2,
    .most_words = 3,
    .run = run,
    .more_help = list_kinds,
};
