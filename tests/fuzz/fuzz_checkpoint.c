/* Checkpoints, whole (then the checksum at the end speaks first) or without that checksum, as older versions and others write them: then a
 * child process looks at the file before HDF5 reads it here, as in the program, and HDF5's own crashes are that child's. */
#include "ckpt/ckpt.h"
#include "fuzz.h"
#include "h5/h5.h"

/* Before the fuzzer sets its handlers of signals, which the child would inherit. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    h5_guard_start(true);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *path = fuzz_write("checkpoint.h5", data, size);
    char digest[CKPT_DIGEST];
    ckpt_info info = {0};
    ckpt_read_info(path, &info);
    ckpt_info_reset(&info);
    ckpt_verify(path);
    ckpt_digest_file(path, digest);
    return 0;
}
