/* Pictures of every format: decoded whole, in grey too, and by parts and scales as augmentation asks for them. */
#include "../unit/make_options.h"
#include "data/data.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const transform list[][2] = {{TRANSFORM("random_resized_crop", {"size", {8}}, {"scale", {0.1, 1}}, {"ratio", {0.7, 1.4}})},
                                 {TRANSFORM("resize", {"size", {12}}), TRANSFORM("center_crop", {"size", {8}})}};
    image whole = {0}, spare = {0};
    byte_buffer record = {.bytes = (uint8_t *)data, .size = size};
    for (int channels = 1; channels <= 3; channels += 2) {
        if (image_decode(&whole, data, size, channels) == OK)
            fuzz_expect(whole.width > 0 && whole.height > 0 && whole.channels == channels, "a picture has pixels");
        for (int i = 0; i < 2; i++)
            transforms_load(list[i], i + 1, &record, (shape){.c = channels}, (rng_key){0}, &whole, &spare);
    }
    image_reset(&whole);
    image_reset(&spare);
    return 0;
}
