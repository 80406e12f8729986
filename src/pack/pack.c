/* The kinds of data set that can be made, and what they share. */
#define _POSIX_C_SOURCE 200809L
#include "pack/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

const char *const split_names[N_SPLITS] = {"train", "val"};

const pack_kind pack_kinds[] = {
    {"glyphs", "OUT", "drawings of ten things from the sea, 32 x 32 RGB, made here (the default data set)", pack_glyphs, false},
    {"mnist", "DIR OUT", "the four IDX files of MNIST or its kin, .gz or not, under their usual names; class names from classes.txt",
     pack_mnist, false},
    {"cifar10", "DIR OUT", "CIFAR-10, binary version: data_batch_*.bin and test_batch.bin, whichever are there", pack_cifar10, false},
    {"cifar100", "DIR OUT", "CIFAR-100, binary version: train.bin and test.bin, fine labels", pack_cifar100, false},
    {"imagenet", "DIR OUT", "ILSVRC2012 from its tar files or from folders, in files of --file-size; shared among ranks", pack_imagenet,
     true},
    {"folder", "DIR OUT",
     "JPEG, PNG, TIFF, WebP and PNM files, a folder a class; train/ and val/ (training, valid, test, …) above them where they are there",
     pack_folder, false},
    {"csv", "FILE OUT", "a CSV file with a header: a column of such files, others of labels or numbers (--labels, --targets)", pack_csv,
     false},
};
const int n_pack_kinds = sizeof pack_kinds / sizeof *pack_kinds;

void pack_progress_show(pack_progress *p, double pictures, double done, double before, double whole) {
    enum { BAR = 24 };
    if (!log_progress_is_due(&p->shown))
        return;
    bool terminal = log_is_terminal();
    double elapsed = time_now() - p->start, share = whole > 0 && done + before < whole ? (done + before) / whole : 1;
    char count[TEXT_NUMBER], eta[TEXT_NUMBER], bar[BAR + 1] = "";
    text_count(count, (int64_t)pictures);
    text_duration(eta, done > 0 && share < 1 ? elapsed * (whole - done - before) / done : 0);
    memset(bar, '.', BAR);
    memset(bar, '#', (size_t)(share * BAR));
    log_progress("%s: %s%s%s%3.0f %%  %s pictures  %.0f img/s  eta %s", p->name, terminal ? "[" : "", terminal ? bar : "",
                 terminal ? "] " : "", 100 * share, count, pictures / elapsed, eta);
}

static void chomp(char *line) {
    size_t length = strlen(line);
    while (length > 0 && strchr("\r\n \t", line[length - 1]))
        line[--length] = '\0';
}

err pack_read_lines(const char *path, char ***lines, int *count) {
    *lines = NULL;
    *count = 0;
    FILE *file = fopen(path, "r");
    if (!file)
        return fail(ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
    char line[1024];
    err code = OK;
    while (code == OK && fgets(line, sizeof line, file)) {
        if (strlen(line) == sizeof line - 1)
            code = fail(ERR_DATA, "%s: a line is longer than %zu characters", path, sizeof line - 2);
        chomp(line);
        if (!line[0])
            continue;
        *lines = mem_resize(*lines, (size_t)*count + 1, sizeof **lines);
        (*lines)[(*count)++] = mem_string(line);
    }
    if (code == OK && ferror(file))
        code = fail(ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
    fclose(file);
    return code;
}

void pack_number_classes(int n, char ***names) {
    *names = mem_new((size_t)n, sizeof **names);
    for (int i = 0; i < n; i++)
        (*names)[i] = text_format("%d", i);
}

err pack_check_folder(const char *path) {
    struct stat s;
    if (stat(path, &s) != 0)
        return errno == ENOENT ? fail(ERR_IO, "%s: no such folder", path) : fail(ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
    return S_ISDIR(s.st_mode) ? OK : fail(ERR_IO, "%s: is not a folder", path);
}

bool pack_file_is_there(const char *path) {
    struct stat s;
    return stat(path, &s) == 0 && S_ISREG(s.st_mode);
}
