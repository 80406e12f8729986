/* Gives a target the files of folders, for the ordinary tests: fuzz_NAME FOLDER|FILE…. The fuzzer's own main is linked in its place. */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "data/data.h"
#include "fuzz.h"

__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv);

static int replay_file(const char *path) {
    byte_buffer file = {0};
    if (byte_buffer_read(&file, path) != OK) {
        fprintf(stderr, "%s\n", err_last()->text);
        return 0;
    }
    LLVMFuzzerTestOneInput(file.bytes, file.size);
    byte_buffer_reset(&file);
    return 1;
}

static int replay(const char *path) {
    DIR *names = opendir(path);
    if (!names)
        return replay_file(path);
    int count = 0;
    for (struct dirent *d; (d = readdir(names));) {
        char *file = text_format("%s/%s", path, d->d_name);
        count += d->d_name[0] != '.' && replay_file(file);
        mem_free(file);
    }
    closedir(names);
    return count;
}

int main(int argc, char **argv) {
    if (LLVMFuzzerInitialize)
        LLVMFuzzerInitialize(&argc, &argv);
    int count = 0;
    for (int i = 1; i < argc; i++)
        count += replay(argv[i]);
    printf("%d inputs\n", count);
    return count > 0 ? 0 : 1;
}
