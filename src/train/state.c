/* What a batch script wants to know once the launcher has ended: launchers may end in the middle of a run, and some hide how their ranks
 * ended. SHOAL_STATE_FILE=FILE asks for it. */
#include <stdio.h>
#include <stdlib.h>

#include "train/trainer.h"

static void tell(const char *what, const char *value) {
    const char *path = getenv("SHOAL_STATE_FILE");
    FILE *file = path && *path && comm_is_root() ? fopen(path, "a") : NULL;
    if (!file)
        return;
    fprintf(file, "%s %s\n", what, value);
    fclose(file);
}

void state_training(const trainer *t) {
    tell("training", t->folder);
}

void state_ended(err code) {
    char text[16];
    snprintf(text, sizeof text, "%d", (int)code);
    tell("ended", text);
}
