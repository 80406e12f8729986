/* Where this rank runs: the node's name, the library. */
#define _POSIX_C_SOURCE 200809L /* gethostname */
#include "comm/internal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Empty where the header does not tell. */
static void find_compiled(char *out, size_t size) {
#if defined(OPEN_MPI)
    snprintf(out, size, "Open MPI %d.%d.%d", OMPI_MAJOR_VERSION, OMPI_MINOR_VERSION, OMPI_RELEASE_VERSION);
#elif defined(I_MPI_VERSION)
    snprintf(out, size, "Intel MPI %s", I_MPI_VERSION);
#elif defined(MPICH_VERSION)
    snprintf(out, size, "MPICH %s", MPICH_VERSION);
#else
    snprintf(out, size, "%s", "");
#endif
}

/* From the library's own text: `Open MPI v4.1.4, package: …`, `MPICH Version:      4.0.2`, `Intel(R) MPI Library 2021.18.1 for …`; the
 * first line of one that is not known. */
static void find_running(char *out, size_t size) {
    static const char *const known[][2] = {{"Open MPI ", "Open MPI"}, {"MPICH ", "MPICH"}, {"Intel(R) MPI ", "Intel MPI"}};
    char text[MPI_MAX_LIBRARY_VERSION_STRING] = "";
    int length;
    MPI_Get_library_version(text, &length);
    text[strcspn(text, "\n,")] = '\0';
    snprintf(out, size, "%s", text);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const char *version = text + strcspn(text, "0123456789");
        if (strncmp(text, known[i][0], strlen(known[i][0])) == 0 && *version)
            snprintf(out, size, "%s %.*s", known[i][1], (int)strcspn(version, " \t"), version);
    }
}

const char *comm_library(void) {
    static char name[192];
    char running[96], compiled[64];
    find_running(running, sizeof running);
    find_compiled(compiled, sizeof compiled);
    if (!*compiled || strcmp(running, compiled) == 0)
        snprintf(name, sizeof name, "%s", running);
    else
        snprintf(name, sizeof name, "%s (compiled with %s)", running, compiled);
    return name;
}

const char *comm_host(void) {
    static char name[256];
    if (gethostname(name, sizeof name - 1) != 0)
        snprintf(name, sizeof name, "unknown host");
    return name;
}
