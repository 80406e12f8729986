/* What goes wrong below HDF5. It tells that a read failed in its error stack only, and many of its functions answer such an error with "no":
 * each failure is looked at when it happens, so that a failing disk is not taken for a damaged file. */
#include "h5/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static _Thread_local int trouble;
static _Thread_local bool starved; /* HDF5 was refused memory */

static herr_t find_reason(unsigned n, const H5E_error2_t *error, void *found) {
    (void)n;
    starved = starved || (error->maj_num == H5E_RESOURCE && error->min_num == H5E_NOSPACE);
    const char *text = error->desc ? strstr(error->desc, "errno = ") : NULL;
    int reason = 0;
    if (text && sscanf(text, "errno = %d", &reason) == 1 && reason != 0)
        *(int *)found = reason;
    return 0;
}

static herr_t note(hid_t stack, void *context) {
    (void)context;
    H5Ewalk2(stack, H5E_WALK_DOWNWARD, find_reason, &trouble);
    return 0;
}

void h5_watch_trouble(void) {
    H5Eset_auto2(H5E_DEFAULT, note, NULL);
}

void h5_forget_trouble(void) {
    trouble = 0;
    starved = false;
}

bool h5_was_starved(void) {
    return starved;
}

err h5_judge(const char *path, err code) {
    return code == ERR_DATA && trouble ? fail(ERR_IO, "%s: cannot be read: %s", path, strerror(trouble)) : code;
}

err h5_check_trouble(h5_file *f, err code) {
    return h5_judge(f->path, code);
}

const char *h5_reason(void) {
    int reason = errno ? errno : trouble;
    return reason ? strerror(reason) : "HDF5 failed";
}
