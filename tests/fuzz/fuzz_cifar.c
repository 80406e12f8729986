/* CIFAR's files: the first byte says which of the two, then records, then names of classes after a line `--- names`. */
#include "fuzz.h"
#include "pack/internal.h"

static const char mark[] = "\n--- names\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    bool fine = data[0] & 1;
    data++;
    size--;
    size_t first = fuzz_find(data, size, mark), second = first + sizeof mark - 1 < size ? first + sizeof mark - 1 : size;
    fuzz_write(fine ? "train.bin" : "data_batch_1.bin", data, first);
    fuzz_write(fine ? "test.bin" : "test_batch.bin", data, first);
    fuzz_write(fine ? "fine_label_names.txt" : "batches.meta.txt", data + second, size - second);
    char *out = text_format("%s/out", fuzz_folder());
    (fine ? pack_cifar100 : pack_cifar10)(&(pack_options){.source = fuzz_folder(), .out = out});
    mem_free(out);
    return 0;
}
