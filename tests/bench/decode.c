/* How many pictures a second one loader thread makes of a packed set: read, checked against their CRC, decoded, random_resized_crop 224 and
 * hflip. Prints pictures a second for SECONDS; decode.sh holds it against Pillow and torchvision.
 *     bench_decode SET.h5 SECONDS [SIZE [jitter]] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/make_options.h"
#include "data/data.h"
#include "math/math.h"

static err load(const dataset *d, int64_t i, const transform *list, int count, byte_buffer *record, image *im, image *spare) {
    int64_t id = i % dataset_count(d);
    err code = dataset_record(d, id, record);
    rng_key key = rng_make_key(1, RNG_AUGMENT, (uint64_t)(i / dataset_count(d)), (uint64_t)id);
    return code == OK ? transforms_load(list, count, record, dataset_image_shape(d), key, im, spare) : code;
}

static err measure(const dataset *d, double seconds, const transform *list, int count) {
    image im = {0}, spare = {0};
    byte_buffer record = {0};
    double start = time_now();
    int64_t done = 0;
    err code = OK;
    for (; code == OK && (done < dataset_count(d) || time_now() - start < seconds); done++)
        code = load(d, done, list, count, &record, &im, &spare);
    if (code == OK)
        printf("%.1f\n", (double)done / (time_now() - start));
    byte_buffer_reset(&record);
    image_reset(&im);
    image_reset(&spare);
    return code;
}

int main(int argc, char **argv) {
    if (argc < 3)
        return ERR_USAGE;
    int size = argc > 3 ? atoi(argv[3]) : 224;
    transform list[] = {
        TRANSFORM("random_resized_crop", {"size", {size}}, {"scale", {0.08, 1}}, {"ratio", {3.0 / 4, 4.0 / 3}}),
        TRANSFORM("hflip", {"p", {0.5}}),
        TRANSFORM("color_jitter", {"brightness", {0.4}}, {"contrast", {0.4}}, {"saturation", {0.4}}, {"hue", {0.1}}),
    };
    dataset *d = NULL;
    err code = math_init();
    if (code == OK)
        code = dataset_open(&d, argv[1]);
    if (code == OK)
        code = measure(d, atof(argv[2]), list, argc > 4 && strcmp(argv[4], "jitter") == 0 ? 3 : 2);
    if (code != OK)
        fprintf(stderr, "%s\n", err_last()->text);
    dataset_close(d);
    return (int)code;
}
