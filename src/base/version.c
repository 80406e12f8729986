#include "base/version.h"

const char *version_number(void) {
    return SHOAL_VERSION;
}

const char *version_commit(void) {
    return SHOAL_COMMIT;
}
