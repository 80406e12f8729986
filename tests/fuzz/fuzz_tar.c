/* Tar archives, plain and packed with gzip (an odd first byte), and tars within a tar. */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <unistd.h>

#include "fuzz.h"
#include "pack/tar.h"

enum { MOST = 64, DEPTH = 2 };

static void read_tar(int fd, int64_t at, int64_t bytes, bool zipped, int depth) {
    tar *t = NULL;
    tar_member member;
    bool found = false;
    byte_buffer buffer = {0};
    if (tar_open(&t, fd, "fuzzed", at, bytes, zipped) != OK)
        return;
    for (int i = 0; i < MOST && tar_next(t, &member, &found) == OK && found; i++) {
        if (!zipped && depth < DEPTH)
            read_tar(fd, member.place, member.bytes, false, depth + 1);
        if (tar_read(t, &buffer) != OK)
            break;
    }
    tar_close(t);
    byte_buffer_reset(&buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    int fd = open(fuzz_write("archive.tar", data + 1, size - 1), O_RDONLY | O_CLOEXEC);
    read_tar(fd, 0, (int64_t)size - 1, data[0] & 1, 0);
    close(fd);
    return 0;
}
