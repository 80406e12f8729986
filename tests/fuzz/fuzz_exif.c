/* EXIF blocks. */
#include "fuzz.h"
#include "image/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    int orientation = exif_orientation(data, size);
    fuzz_expect(orientation >= 0 && orientation <= 8, "an orientation is one of eight, or none");
    return 0;
}
