/* MNIST's files: pictures, then labels after a line `--- labels`. */
#include "fuzz.h"
#include "pack/internal.h"

static const char mark[] = "\n--- labels\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t first = fuzz_find(data, size, mark), second = first + sizeof mark - 1 < size ? first + sizeof mark - 1 : size;
    for (int i = 0; i < 2; i++) {
        fuzz_write(i ? "t10k-images-idx3-ubyte" : "train-images-idx3-ubyte", data, first);
        fuzz_write(i ? "t10k-labels-idx1-ubyte" : "train-labels-idx1-ubyte", data + second, size - second);
    }
    char *out = text_format("%s/out", fuzz_folder());
    pack_mnist(&(pack_options){.source = fuzz_folder(), .out = out});
    mem_free(out);
    return 0;
}
