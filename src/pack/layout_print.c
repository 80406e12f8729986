/* What was found in a folder of pictures, as a table: split, class, pictures, left out and why. */
#include "pack/layout.h"

#include <inttypes.h>
#include <string.h>

enum { LINES_MOST = 40, NAME_LEAST = 5, NAME_MOST = 32 }; /* classes of a split that have a line each; columns */

/* Columns that a name takes: characters, not bytes. */
static int width_of(const char *name) {
    int width = 0;
    for (; *name; name++)
        width += (*name & 0xc0) != 0x80;
    return width;
}

static int widest(const picture_tree *t, int least) {
    for (int i = 0; i < t->n_classes && t->n_classes <= LINES_MOST; i++) {
        int width = width_of(t->classes[i]);
        least = width > least ? width : least;
    }
    return least < NAME_MOST ? least : NAME_MOST;
}

/* What of a class's folder is left out; a new string. */
static char *left_in(const class_folder *c) {
    char *text = mem_string("");
    if (c->others)
        text_append(&text, text_format("  %" PRId64 " file%s that %s no picture%s: %s%s", c->others, text_plural(c->others),
                                       c->others == 1 ? "is" : "are", text_plural(c->others), c->other, c->others > 1 ? ", …" : ""));
    if (c->hidden)
        text_append(&text, text_format("%s%" PRId64 " hidden or a system's", c->others ? "; " : "  ", c->hidden));
    return text;
}

static void print_class(const char *split, int width, const char *name, const class_folder *c) {
    char count[TEXT_NUMBER], *left = left_in(c);
    int room = width - width_of(name);
    log_info("%-5s  %s%*s  %9s%s", split, name, room > 0 ? room : 0, "", text_count(count, c->count), left);
    mem_free(left);
}

/* All classes in one line. */
static void print_sum(const char *split, int width, const picture_tree *t) {
    char classes[TEXT_NUMBER], *name, count[TEXT_NUMBER], least[TEXT_NUMBER], most[TEXT_NUMBER];
    int64_t a = INT64_MAX, b = 0, others = 0, hidden = 0;
    for (int i = 0; i < t->n_classes; i++) {
        const class_folder *c = &t->folders[i];
        a = c->count < a ? c->count : a;
        b = c->count > b ? c->count : b;
        others += c->others;
        hidden += c->hidden;
    }
    name = text_format("%s classes", text_count(classes, t->n_classes));
    log_info("%-5s  %-*s  %9s  %s to %s each; %" PRId64 " files that are no pictures, %" PRId64 " hidden or a system's", split, width, name,
             text_count(count, t->count), text_count(least, a), text_count(most, b), others, hidden);
    mem_free(name);
}

static void print_tree(const char *split, int width, const picture_tree *t) {
    if (t->n_classes > LINES_MOST)
        print_sum(split, width, t);
    for (int i = 0; i < t->n_classes && t->n_classes <= LINES_MOST; i++)
        print_class(split, width, t->classes[i], &t->folders[i]);
}

/* One line for all that lies in a folder and is not taken. */
static void print_left(const picture_tree *t, int64_t strays) {
    char *text = mem_string("");
    for (int i = 0; i < t->n_left && i < LINES_MOST; i++)
        text_append(&text, text_format("%s%s", i ? ", " : "", t->left[i]));
    if (t->n_left > LINES_MOST)
        text_append(&text, text_format(", and %d more", t->n_left - LINES_MOST));
    if (strays)
        text_append(&text, text_format("%s%" PRId64 " picture%s beside the splits (%s%s)", t->n_left ? ", " : "", strays,
                                       text_plural(strays), t->stray, strays > 1 ? ", …" : ""));
    if (text[0])
        log_info("left out of %s: %s", t->root, text);
    mem_free(text);
}

static void print_left_out(const picture_tree *t) {
    char found[TEXT_NUMBER], left[TEXT_NUMBER];
    for (int i = 0; i < t->n_classes; i++) {
        const class_folder *c = &t->folders[i];
        if (c->left_out)
            log_warn("%s: %s of %s pictures cannot be decoded", c->path, text_count(left, c->left_out), text_count(found, c->count));
    }
}

void folder_layout_print_left_out(const folder_layout *l) {
    for (int i = 0; i < N_SPLITS; i++)
        print_left_out(&l->trees[i]);
}

void folder_layout_print(const folder_layout *l) {
    int width = widest(&l->trees[VAL], widest(&l->trees[TRAIN], NAME_LEAST));
    log_info("split  %-*s   pictures  left out", width, "class");
    print_tree(l->split ? "train" : "all", width, &l->trees[TRAIN]);
    if (l->split)
        print_tree("val", width, &l->trees[VAL]);
    print_left(&l->beside, l->beside.strays);
    for (int i = 0; i < N_SPLITS; i++)
        print_left(&l->trees[i], 0);
}
