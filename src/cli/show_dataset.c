/* A data set for people: its summary, and its pictures as PNG files. */
#include "cli/cli.h"
#include "data/data.h"
#include "h5/h5.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { BAR = 40, CLASSES_SHOWN = 50 };

static void print_form(const dataset *d, const char *path) {
    shape s = dataset_image_shape(d);
    char total[TEXT_NUMBER], each[TEXT_NUMBER], text[SHAPE_TEXT];
    size_t count = (size_t)dataset_count(d);
    if (!dataset_is_encoded(d)) {
        size_t bytes = count * (size_t)shape_size(s);
        printf("pictures  %s, 8-bit pixels, %s\n", shape_text(text, s), text_bytes(total, bytes));
        return;
    }
    h5_file *f;
    h5_info info = {0};
    if (h5_open(&f, path) != OK)
        return;
    if (h5_get_info(f, "encoded/bytes", &info) == OK)
        printf("pictures  files as they were, %s, %s each on average\n", text_bytes(total, info.count),
               text_bytes(each, count ? info.count / count : 0));
    h5_close(f);
}

static void print_floats(const char *name, const float *values, int count) {
    printf("%-8s ", name);
    for (int i = 0; i < count; i++)
        printf(" %.4f", (double)values[i]);
    printf("  (of x / 255)\n");
}

static err count_labels(const dataset *d, uint64_t *counts) {
    for (int64_t id = 0; id < dataset_count(d); id++) {
        int32_t label;
        err code = dataset_label(d, id, &label);
        if (code != OK)
            return code;
        counts[label]++;
    }
    return OK;
}

static int bar_length(uint64_t count, uint64_t most) {
    return most ? (int)((double)count / (double)most * BAR + 0.5) : 0;
}

void cli_print_classes(const dataset *d, const uint64_t *counts) {
    int n = dataset_n_classes(d), shown = n > CLASSES_SHOWN ? CLASSES_SHOWN : n;
    uint64_t most = 0, least = UINT64_MAX;
    for (int c = 0; c < n; c++) {
        most = counts[c] > most ? counts[c] : most;
        least = counts[c] < least ? counts[c] : least;
    }
    printf("classes   %d, of %" PRIu64 " to %" PRIu64 " pictures\n", n, least, most);
    for (int c = 0; c < shown; c++) {
        char number[TEXT_NUMBER], bar[BAR + 1];
        int length = bar_length(counts[c], most);
        memset(bar, '#', (size_t)length);
        bar[length] = '\0';
        print_line("  %4d  %-24s %10s  %s", c, dataset_class(d, c), text_count(number, (int64_t)counts[c]), bar);
    }
    if (shown < n)
        printf("  … and %d more\n", n - shown);
}

err cli_show_dataset(const char *path) {
    dataset *d = NULL;
    uint64_t *counts = NULL;
    err code = dataset_open(&d, path);
    if (code != OK)
        goto done;
    counts = mem_new((size_t)dataset_n_classes(d), sizeof *counts);
    code = count_labels(d, counts);
    if (code != OK)
        goto done;
    char number[TEXT_NUMBER];
    print_line("%s: data set for classification", path);
    printf("\nsamples   %s\n", text_count(number, dataset_count(d)));
    print_form(d, path);
    print_floats("mean", dataset_mean(d), dataset_channels(d));
    print_floats("std", dataset_std(d), dataset_channels(d));
    cli_print_classes(d, counts);
done:
    mem_free(counts);
    dataset_close(d);
    return code;
}

typedef struct exporter {
    const dataset *d;
    const char *folder;
    image im;
    byte_buffer buffer;
} exporter;

/* FOLDER/000012-CLASS.png, with nothing in the name that a file name may not hold. */
static err export_picture(exporter *e, int64_t id, int label) {
    err code = dataset_image(e->d, id, &e->im, &e->buffer);
    if (code != OK)
        return code;
    char *class = mem_string(dataset_class(e->d, label));
    for (char *c = class; *c; c++)
        if (*c == '/' || *c == ' ' || iscntrl((unsigned char)*c))
            *c = '_';
    char *path = text_format("%s/%06" PRId64 "-%s.png", e->folder, id, class);
    code = image_write_png(&e->im, path);
    if (code == OK)
        print_line("%s", path);
    mem_free(path);
    mem_free(class);
    return code;
}

/* Goes through the set and takes a picture wherever its class is not ahead of the others. */
static err export_in_turn(exporter *e, int64_t count) {
    int n_classes = dataset_n_classes(e->d);
    int64_t *taken = mem_new((size_t)n_classes, sizeof *taken), done = 0;
    err code = OK;
    for (int64_t id = 0; id < dataset_count(e->d) && done < count && code == OK; id++) {
        int32_t label;
        code = dataset_label(e->d, id, &label);
        if (code || taken[label] * n_classes > done)
            continue;
        code = export_picture(e, id, label);
        taken[label]++;
        done++;
    }
    mem_free(taken);
    return code;
}

err cli_export_pictures(const char *path, const char *folder, int64_t count) {
    dataset *d = NULL;
    err code = dataset_open(&d, path);
    exporter e = {.d = d, .folder = folder};
    if (code == OK)
        code = path_make_folders(folder);
    if (code == OK)
        code = export_in_turn(&e, count);
    image_reset(&e.im);
    byte_buffer_reset(&e.buffer);
    dataset_close(d);
    return code;
}
