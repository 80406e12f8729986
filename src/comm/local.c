/* Where this rank runs: the node's name, the library. */
#define _POSIX_C_SOURCE 200809L /* gethostname */
#include "comm/internal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *comm_library(void) {
    static char name[64];
#ifdef OPEN_MPI
    snprintf(name, sizeof name, "Open MPI %d.%d.%d", OMPI_MAJOR_VERSION, OMPI_MINOR_VERSION, OMPI_RELEASE_VERSION);
#else
    char text[MPI_MAX_LIBRARY_VERSION_STRING] = "";
    int length;
    MPI_Get_library_version(text, &length);
    snprintf(name, sizeof name, "%.*s", (int)strcspn(text, "\n,"), text);
#endif
    return name;
}

const char *comm_host(void) {
    static char name[256];
    if (gethostname(name, sizeof name - 1) != 0)
        snprintf(name, sizeof name, "unknown host");
    return name;
}
