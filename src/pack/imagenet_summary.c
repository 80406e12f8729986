/* What a packed set says of itself: how many pictures, their mean, and how many are odd in which way, with some of their names. */
#define _POSIX_C_SOURCE 200809L
#include "pack/imagenet.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES_SHOWN = 3 };

typedef struct odd_count {
    int64_t count;
    char *names[NAMES_SHOWN];
} odd_count;

/* One line of the list of odd pictures: NAME, tab, what is odd divided by commas, perhaps a tab and a reason. */
static void count_line(odd_count *counts, char *line) {
    char *tab = strchr(line, '\t');
    if (!tab)
        return;
    *tab = '\0';
    char *what = tab + 1;
    what[strcspn(what, "\t\n")] = '\0';
    for (int i = 0; i < n_oddities; i++) {
        const char *found = strstr(what, oddity_names[i].text);
        if (!found)
            continue;
        odd_count *c = &counts[i];
        if (c->count < NAMES_SHOWN)
            c->names[c->count] = mem_string(line);
        c->count++;
    }
}

static err count_odd(const imagenet *work, split part, odd_count *counts) {
    char *path = text_format("%s/odd-%s.tsv", work->options->out, split_names[part]), *line = NULL;
    size_t room = 0;
    FILE *file = fopen(path, "r");
    err code = file ? OK : fail(ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
    while (file && getline(&line, &room, file) > 0)
        count_line(counts, line);
    if (file)
        fclose(file);
    free(line);
    mem_free(path);
    return code;
}

static void print_odd(FILE *to, const char *what, const odd_count *c) {
    char number[TEXT_NUMBER];
    if (c->count == 0)
        return;
    fprintf(to, "  %-18s %9s  ", what, text_count(number, c->count));
    for (int i = 0; i < NAMES_SHOWN && c->names[i]; i++)
        fprintf(to, "%s%s", i ? ", " : "", c->names[i]);
    fputs(c->count > NAMES_SHOWN ? ", …\n" : "\n", to);
}

static void print_numbers(FILE *to, const char *name, const float *values) {
    fprintf(to, "  %-4s", name);
    for (int c = 0; c < IMAGENET_CHANNELS; c++)
        fprintf(to, " %.6f", (double)values[c]);
    fputs("  (of x / 255)\n", to);
}

/* Files that were passed over, and pictures that were expected: an archive may end too early just where a picture ends. */
static void print_absent(FILE *to, const imagenet *work, split part) {
    const survey_head *head = &work->index[part].head;
    char number[TEXT_NUMBER];
    int64_t listed = part == VAL ? work->source.labels.count : 0, found = (int64_t)(head->count + head->left_out);
    if (head->ignored)
        fprintf(to, "  %-18s %9s  files that are no pictures\n", "ignored", text_count(number, head->ignored));
    if (listed > found)
        fprintf(to, "  %-18s %9s  of the %" PRId64 " pictures in the list of labels\n", "missing", text_count(number, listed - found),
                listed);
}

static err write_split(const imagenet *work, split part, FILE *to) {
    const survey_head *head = &work->index[part].head;
    odd_count *counts = mem_new((size_t)n_oddities, sizeof *counts);
    char pictures[TEXT_NUMBER], bytes[TEXT_NUMBER];
    float mean[IMAGENET_CHANNELS], std[IMAGENET_CHANNELS];
    err code = count_odd(work, part, counts);
    pixel_sums_finish(&head->sums, IMAGENET_CHANNELS, mean, std);
    fprintf(to, "%s: %s picture%s of %d classes, %s, %d file%s, %" PRIu64 " left out\n", split_names[part],
            text_count(pictures, (int64_t)head->count), text_plural((int64_t)head->count), work->source.n_classes,
            text_bytes(bytes, head->kept_bytes), work->shards[part], text_plural(work->shards[part]), head->left_out);
    print_numbers(to, "mean", mean);
    print_numbers(to, "std", std);
    for (int i = 0; i < n_oddities; i++) {
        print_odd(to, oddity_names[i].text, &counts[i]);
        for (int k = 0; k < NAMES_SHOWN; k++)
            mem_free(counts[i].names[k]);
    }
    print_absent(to, work, part);
    mem_free(counts);
    return code;
}

err summary_write(const imagenet *work, FILE *to) {
    err code = OK;
    fputs(work->plan, to);
    for (int part = 0; part < N_SPLITS && code == OK; part++)
        if (work->shards[part])
            code = write_split(work, part, to);
    fputs("All of the odd pictures: odd-*.tsv\n", to);
    return code;
}
