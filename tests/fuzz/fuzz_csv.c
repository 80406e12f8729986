/* CSV files: the first byte says which columns are labels and which numbers, and whether cells hold several labels. */
#include "fuzz.h"
#include "pack/csv_labels.h"

static void read_columns(const csv_table *t, int choice) {
    int columns[] = {choice & 3, choice >> 2 & 3}, n = 1 + (choice >> 4 & 1);
    csv_labels l = {0};
    float *numbers = NULL;
    if (columns[0] >= t->n_columns || columns[1] >= t->n_columns)
        return;
    if (csv_numbers_read(&numbers, t, columns, n) == OK)
        fuzz_expect(numbers[0] == numbers[0], "a number is one");
    if (csv_labels_read(&l, t, columns, n, choice & 32 ? "|" : NULL) == OK)
        for (uint64_t i = 0; i < l.offsets[t->n_rows]; i++)
            fuzz_expect(l.labels[i] >= 0 && l.labels[i] < l.n_classes, "a label is a class");
    csv_labels_reset(&l);
    mem_free(numbers);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    csv_table t = {0};
    int column;
    if (size == 0)
        return 0;
    if (csv_read(&t, fuzz_write("table.csv", data + 1, size - 1)) == OK) {
        fuzz_expect(t.n_rows > 0 && t.n_columns > 0 && csv_cell(&t, t.n_rows - 1, t.n_columns - 1), "there are cells");
        if (csv_column(&t, "label", &column) == OK)
            csv_refuse(&t, t.n_rows - 1, column, "a look");
        read_columns(&t, data[0]);
    }
    csv_reset(&t);
    return 0;
}
