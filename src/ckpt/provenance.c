/* Attributes of /provenance: what program, on what machine, with which libraries. */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "ckpt/internal.h"
#include "comm/comm.h"
#include "math/math.h"

/* The processor's name as Linux tells it, otherwise its architecture. */
static void find_processor(char *out, size_t size) {
    struct utsname system;
    snprintf(out, size, "%s", uname(&system) == 0 ? system.machine : "unknown");
    FILE *file = fopen("/proc/cpuinfo", "r");
    char line[512];
    while (file && fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');
        if (colon && strncmp(line, "model name", 10) == 0) {
            colon += 1 + strspn(colon + 1, " \t");
            snprintf(out, size, "%.*s", (int)strcspn(colon, "\n"), colon);
            break;
        }
    }
    if (file)
        fclose(file);
}

err ckpt_write_provenance(h5_file *f) {
    char processor[256];
    find_processor(processor, sizeof processor);
    const char *const entries[][2] = {
        {"version", version_number()}, {"commit", version_commit()}, {"host", comm_host()},  {"processor", processor},
        {"hdf5", h5_library()},        {"mpi", comm_library()},      {"kernels", math->isa},
    };
    err code = h5_make_group(f, "provenance");
    for (size_t i = 0; i < sizeof entries / sizeof *entries && code == OK; i++)
        code = h5_write_attribute_text(f, "provenance", entries[i][0], entries[i][1]);
    return code;
}
