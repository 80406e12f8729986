/* shoal inspect --verify: data sets checked picture by picture. */
#define _POSIX_C_SOURCE 200809L
#include "cli/cli.h"
#include "comm/comm.h"
#include "pack/pack.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The files that a word means: all of a folder's, those of a pattern, or one. */
static err find_files(const char *word, path_list *files) {
    struct stat s;
    bool there = stat(word, &s) == 0, folder = there && S_ISDIR(s.st_mode);
    if (there && !folder) {
        path_list_add(files, mem_string(word));
        return OK;
    }
    path_list found;
    err code = folder ? path_find(&found, word, "*.h5") : path_find(&found, NULL, word);
    if (code == OK && found.count == 0)
        code = folder ? fail(ERR_IO, "%s: no HDF5 files (*.h5) in it", word) : fail(ERR_IO, "%s: no such file", word);
    for (int i = 0; i < found.count && code == OK; i++)
        path_list_add(files, mem_string(found.paths[i]));
    path_list_reset(&found);
    return code;
}

/* Where the number of a part begins in `…/train-00003-of-00147.h5`, and how many parts there are; NULL for any other name. */
static const char *part_number(const char *path, int *parts) {
    enum { TAIL = 18 }; /* 00003-of-00147.h5, and the dash before */
    size_t length = strlen(path);
    const char *tail = length > TAIL ? path + length - TAIL : "";
    int number, end = 0;
    bool matches = sscanf(tail, "-%5d-of-%5d.h5%n", &number, parts, &end) == 2 && end == TAIL;
    return matches ? tail + 1 : NULL;
}

/* The set that a file is a part of, as a pattern. */
static char *set_of(const char *path, int *parts) {
    *parts = 1;
    const char *number = part_number(path, parts);
    if (!number)
        return mem_string(path);
    char *before = text_format("%.*s", (int)(number - path), path), *escaped = path_as_pattern(before);
    char *set = text_format("%s*%s", escaped, number + 5);
    mem_free(escaped);
    mem_free(before);
    return set;
}

/* Files [first, …) that belong to the same set as the first. */
static int count_parts(const path_list *files, int first, const char *set) {
    int n = 0, parts;
    for (int same = 1; same && first + n < files->count; n += same) {
        char *other = set_of(files->paths[first + n], &parts);
        same = strcmp(other, set) == 0;
        mem_free(other);
    }
    return n;
}

/* Whole sets are checked at once; of a set with files missing, those that are there. */
static void find_sets(path_list *files, path_list *sets) {
    qsort(files->paths, (size_t)files->count, sizeof *files->paths, text_compare);
    for (int i = 0; i < files->count;) {
        int parts;
        char *set = set_of(files->paths[i], &parts);
        int there = count_parts(files, i, set);
        if (there == parts) {
            path_list_add(sets, set);
        } else {
            log_warn("%s: %d of the set's %d files", set, there, parts);
            for (int k = 0; k < there; k++)
                path_list_add(sets, mem_string(files->paths[i + k]));
            mem_free(set);
        }
        i += there;
    }
}

static void print_numbers(const char *name, const float *found, const float *stored, int count) {
    printf("%-8s ", name);
    for (int c = 0; c < count; c++)
        printf(" %.4f", (double)found[c]);
    printf("  (stored:");
    for (int c = 0; c < count; c++)
        printf(" %.4f", (double)stored[c]);
    puts(")");
}

static void print_spread(const char *name, dataset_spread s, int64_t count) {
    char least[TEXT_NUMBER], most[TEXT_NUMBER], mean[TEXT_NUMBER];
    printf("%-8s  %s to %s, %s on average\n", name, text_count(least, s.least), text_count(most, s.most), text_count(mean, s.sum / count));
}

static void print_report(const dataset *d, const char *set, const dataset_report *r) {
    char all[TEXT_AMOUNT], bad[TEXT_NUMBER];
    print_line("%s: %s, %s bad", set, text_amount(all, dataset_count(d), "picture"), text_count(bad, r->bad));
    if (r->good == 0)
        return;
    print_numbers("mean", r->mean, dataset_mean(d), dataset_channels(d));
    print_numbers("std", r->std, dataset_std(d), dataset_channels(d));
    print_spread("width", r->width, r->good);
    print_spread("height", r->height, r->good);
    print_spread("bytes", r->bytes, r->good);
    cli_print_classes(d, r->classes);
}

static err verify(const char *set) {
    dataset *d = NULL;
    dataset_report report = {0};
    char all[TEXT_AMOUNT];
    err code = comm_agree(comm_world(), dataset_guard(set));
    if (code == OK)
        code = comm_agree(comm_world(), dataset_open(&d, set));
    if (code == OK)
        code = dataset_verify(d, &report);
    if (code == OK && comm_is_root())
        print_report(d, set, &report);
    if (code == OK && report.bad)
        code = fail(ERR_DATA, "%s: bad: %" PRId64 " of %s", set, report.bad, text_amount(all, dataset_count(d), "picture"));
    dataset_report_reset(&report);
    dataset_close(d);
    return code;
}

/* All of them, also after a bad one. */
static err verify_all(const path_list *sets) {
    err worst = OK;
    int bad = 0;
    for (int i = 0; i < sets->count; i++) {
        err code = verify(sets->paths[i]);
        if (code == OK)
            continue;
        if (sets->count > 1)
            cli_report(code);
        worst = code > worst ? code : worst;
        bad++;
    }
    return bad && sets->count > 1 ? fail(worst, "%d of %d data sets are not as they should be", bad, sets->count) : worst;
}

/* Ranks that find different files would check different sets, and wait for each other for ever. Collective. */
static err check_same(const path_list *files) {
    uint64_t hash = 0;
    for (int i = 0; i < files->count; i++)
        hash = hash * 31 + rng_hash(files->paths[i]);
    if (comm_same(comm_world(), &hash, sizeof hash))
        return OK;
    return fail(ERR_IO, "not all ranks find the same files; they have to lie on a disk that all nodes share");
}

err cli_verify_datasets(char **words, int n_words) {
    path_list files = {0}, sets = {0};
    err code = OK;
    for (int i = 0; i < n_words && code == OK; i++)
        code = find_files(words[i], &files);
    code = comm_agree(comm_world(), code);
    if (code == OK)
        code = check_same(&files);
    if (code == OK)
        find_sets(&files, &sets);
    if (code == OK)
        code = verify_all(&sets);
    path_list_reset(&files);
    path_list_reset(&sets);
    return code;
}
