/* Lists of labels and of classes' names: a list of labels, then the devkit's ground truth after a line `--- truth`. */
#include "fuzz.h"
#include "pack/internal.h"
#include "pack/label_list.h"

static const char mark[] = "\n--- truth\n";

static void use_list(label_list *l, err code) {
    static char *const known[] = {"n01440764", "n01443537", "n02085620"};
    char **classes = NULL;
    int count = 0;
    int32_t label = 0;
    if (code == OK && label_list_classes(l, &classes, &count) == OK)
        fuzz_expect(label_list_resolve(l, classes, count) == OK, "classes of a list are those that its lines name");
    else if (code == OK && label_list_resolve(l, known, 3) == OK && label_list_find(l, l->lines[0].stem, &label) == OK)
        fuzz_expect(label >= 0 && label < 3, "a label is a class");
    mem_free_strings(classes, (size_t)count);
    label_list_reset(l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t first = fuzz_find(data, size, mark), second = first + sizeof mark - 1 < size ? first + sizeof mark - 1 : size;
    const char *path = fuzz_write("list.txt", data, first);
    label_list l = {0};
    use_list(&l, label_list_read(&l, path));

    char **lines = NULL;
    int n_lines = 0;
    if (pack_read_lines(path, &lines, &n_lines) == OK)
        mem_free_strings(lines, (size_t)n_lines);

    static char *wnids[] = {"n02085620", NULL, "n01440764"};
    char *truth = fuzz_text(data + second, size - second);
    l = (label_list){0};
    use_list(&l, label_list_from_truth(&l, "truth", truth, wnids, 3));
    mem_free(truth);
    return 0;
}
