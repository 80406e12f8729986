/* Data sets. As in the program a child process looks at a file before HDF5 reads it here: HDF5's own crashes are that child's. */
#include "data/data.h"
#include "fuzz.h"
#include "h5/h5.h"

enum { MOST = 20 };

/* Before the fuzzer sets its handlers of signals, which the child would inherit. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    h5_guard_start(true);
    return 0;
}

static void read_samples(const dataset *d) {
    byte_buffer buffer = {0};
    image picture = {0};
    for (int64_t id = 0; id < dataset_count(d) && id < MOST; id++) {
        int32_t label = -1;
        if (dataset_label(d, id, &label) == OK)
            fuzz_expect(label >= 0 && label < dataset_n_classes(d) && dataset_class(d, label), "a label is a class");
        dataset_image(d, id, &picture, &buffer);
    }
    uint64_t fingerprint;
    dataset_fingerprint(d, &fingerprint);
    image_reset(&picture);
    byte_buffer_reset(&buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    dataset *d = NULL;
    if (dataset_open(&d, fuzz_write("set.h5", data, size)) == OK)
        read_samples(d);
    dataset_close(d);
    return 0;
}
