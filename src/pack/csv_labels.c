/* Labels and numbers from the cells of a CSV file. */
#include "pack/csv_labels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the names in a column ---- */

/* The words of all rows, before they are classes. */
typedef struct word_list {
    const char **words;
    uint64_t count, room;
} word_list;

static void add_word(word_list *l, const char *word) {
    if (l->count == l->room) {
        l->room = l->room ? 2 * l->room : 1024;
        l->words = mem_resize(l->words, l->room, sizeof *l->words);
    }
    l->words[l->count++] = word;
}

/* Cuts a cell up; without a separator it is one word. */
static void add_words(word_list *l, char *cell, const char *separator) {
    while (cell) {
        char *next = separator ? strstr(cell, separator) : NULL;
        if (next) {
            *next = '\0';
            next += strlen(separator);
        }
        cell += strspn(cell, " ");
        size_t length = strlen(cell);
        while (length > 0 && cell[length - 1] == ' ')
            cell[--length] = '\0';
        if (*cell)
            add_word(l, cell);
        cell = next;
    }
}

static bool is_number(const char *word) {
    enum { DIGITS_MOST = 18 };
    size_t digits = strspn(word, "0123456789");
    return digits > 0 && digits <= DIGITS_MOST && word[digits] == '\0';
}

static int compare_numbers(const void *a, const void *b) {
    long long x = atoll(*(char *const *)a), y = atoll(*(char *const *)b);
    return x != y ? (x > y) - (x < y) : text_compare(a, b);
}

typedef int (*word_order)(const void *a, const void *b);

static word_order order_of(const word_list *l) {
    for (uint64_t i = 0; i < l->count; i++)
        if (!is_number(l->words[i]))
            return text_compare;
    return compare_numbers;
}

static void find_classes(csv_labels *l, const word_list *all, word_order order) {
    const char **sorted = mem_new(all->count, sizeof *sorted);
    memcpy(sorted, all->words, all->count * sizeof *sorted);
    qsort(sorted, all->count, sizeof *sorted, order);
    l->classes = mem_new(all->count, sizeof *l->classes);
    for (uint64_t i = 0; i < all->count; i++)
        if (i == 0 || strcmp(sorted[i - 1], sorted[i]) != 0)
            l->classes[l->n_classes++] = mem_string(sorted[i]);
    mem_free(sorted);
}

static int compare_labels(const void *a, const void *b) {
    return *(const int32_t *)a - *(const int32_t *)b;
}

/* Sorts the labels of a row; each counts once. Returns how many are left. */
static uint64_t tidy(int32_t *labels, uint64_t count) {
    if (count > 1)
        qsort(labels, count, sizeof *labels, compare_labels);
    uint64_t kept = 0;
    for (uint64_t i = 0; i < count; i++)
        if (i == 0 || labels[i] != labels[i - 1])
            labels[kept++] = labels[i];
    return kept;
}

/* Words to labels, row by row: `offsets` say which are whose, and then which labels. */
static void find_labels(csv_labels *l, const word_list *all, word_order order, int64_t n_rows) {
    l->labels = mem_new(all->count, sizeof *l->labels);
    uint64_t kept = 0, first = 0;
    for (int64_t row = 0; row < n_rows; row++) {
        uint64_t end = l->offsets[row + 1], count = end - first;
        for (uint64_t i = 0; i < count; i++) {
            char **found = bsearch(&all->words[first + i], l->classes, (size_t)l->n_classes, sizeof *found, order);
            l->labels[kept + i] = (int32_t)(found - l->classes);
        }
        kept += tidy(l->labels + kept, count);
        l->offsets[row + 1] = kept;
        first = end;
    }
}

static err read_names(csv_labels *l, const csv_table *t, int column, const char *separator) {
    word_list all = {0};
    err code = OK;
    for (int64_t row = 0; row < t->n_rows && code == OK; row++) {
        add_words(&all, csv_cell(t, row, column), separator);
        l->offsets[row + 1] = all.count;
        if (!separator && l->offsets[row] == all.count)
            code = csv_refuse(t, row, column, "no label; remove the row, or fill it in (--separator where a picture may have none)");
    }
    if (code == OK && all.count == 0)
        code = csv_refuse(t, -1, column, "no label in any row");
    if (code == OK) {
        find_classes(l, &all, order_of(&all));
        find_labels(l, &all, order_of(&all), t->n_rows);
    }
    mem_free(all.words);
    return code;
}

/* ---- a column a class ---- */

static err read_flags(csv_labels *l, const csv_table *t, const int *columns, int n_columns) {
    l->classes = mem_new((size_t)n_columns, sizeof *l->classes);
    for (; l->n_classes < n_columns; l->n_classes++)
        l->classes[l->n_classes] = mem_string(csv_cell(t, -1, columns[l->n_classes]));
    l->labels = mem_new((size_t)t->n_rows * (size_t)n_columns, sizeof *l->labels);
    uint64_t count = 0;
    for (int64_t row = 0; row < t->n_rows; row++) {
        for (int i = 0; i < n_columns; i++) {
            double value = 0;
            if (!text_to_real(csv_cell(t, row, columns[i]), &value) || (value != 0 && value != 1))
                return csv_refuse(t, row, columns[i],
                                  "neither 0 nor 1; of several columns each is a class (of one, --separator divides labels)");
            if (value == 1)
                l->labels[count++] = i;
        }
        l->offsets[row + 1] = count;
    }
    return OK;
}

err csv_labels_read(csv_labels *l, const csv_table *t, const int *columns, int n_columns, const char *separator) {
    *l = (csv_labels){.several = n_columns > 1 || separator, .offsets = mem_new((size_t)t->n_rows + 1, sizeof *l->offsets)};
    return n_columns > 1 ? read_flags(l, t, columns, n_columns) : read_names(l, t, columns[0], separator);
}

void csv_labels_reset(csv_labels *l) {
    mem_free_strings(l->classes, (size_t)l->n_classes);
    mem_free(l->labels);
    mem_free(l->offsets);
    *l = (csv_labels){0};
}

/* ---- numbers ---- */

err csv_numbers_read(float **numbers, const csv_table *t, const int *columns, int n_columns) {
    *numbers = mem_new((size_t)t->n_rows * (size_t)n_columns, sizeof **numbers);
    for (int64_t row = 0; row < t->n_rows; row++)
        for (int i = 0; i < n_columns; i++) {
            double value;
            float *to = *numbers + row * n_columns + i;
            if (!text_to_real(csv_cell(t, row, columns[i]), &value))
                return csv_refuse(t, row, columns[i], "no number; remove the row, or fill it in");
            *to = (float)value;
            if (!isfinite(*to))
                return csv_refuse(t, row, columns[i], "too large for a number of 32 bits");
        }
    return OK;
}
