/* What Shoal makes of pictures, for test_pictures.py to hold against Pillow and torchvision. Pictures are printed as PPM; one that is
 * refused ends in exit code 65 and a line that says why.
 *     golden_pictures decode|grey FILE
 *     golden_pictures load FILE SIZE CROP          after resize and center_crop
 *     golden_pictures adjust FILE WHAT FACTOR      in other colours: brightness, contrast, saturation, hue
 *     golden_pictures crops COUNT WIDTH HEIGHT SCALE0 SCALE1 RATIO0 RATIO1
 *                                                  windows of random_resized_crop: top left height width
 *     golden_pictures jitter COUNT BRIGHTNESS CONTRAST SATURATION HUE
 *                                                  factors of color_jitter, and their order */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/make_options.h"
#include "image/transform.h"

enum { MOST_NUMBERS = 8 };

static rng_key key_of(int id) {
    return rng_make_key(11, RNG_AUGMENT, 0, (uint64_t)id);
}

static int write_picture(err code, const image *im) {
    if (code != OK) {
        fprintf(stderr, "%s\n", err_last()->text);
        return (int)code;
    }
    printf("P%d %d %d 255\n", im->channels == 1 ? 5 : 6, im->width, im->height);
    size_t bytes = (size_t)im->width * (size_t)im->height * (size_t)im->channels;
    return fwrite(im->pixels, 1, bytes, stdout) == bytes ? 0 : ERR_IO;
}

static err read_picture(const char *path, int channels, image *im) {
    byte_buffer file = {0};
    err code = byte_buffer_read(&file, path);
    if (code == OK && image_decode(im, file.bytes, file.size, channels) != OK)
        code = err_prefix("%s", path);
    byte_buffer_reset(&file);
    return code;
}

static int decode(const char *path, int channels) {
    image im = {0};
    int status = write_picture(read_picture(path, channels, &im), &im);
    image_reset(&im);
    return status;
}

static int load(const char *path, const double *n) {
    transform list[] = {TRANSFORM("resize", {"size", {(int)n[0]}}), TRANSFORM("center_crop", {"size", {(int)n[1]}})};
    image im = {0}, spare = {0};
    byte_buffer record = {0};
    err code = byte_buffer_read(&record, path);
    if (code == OK)
        code = transforms_load(list, 2, &record, (shape){0, 0, 3}, key_of(0), &im, &spare);
    int status = write_picture(code, &im);
    byte_buffer_reset(&record);
    image_reset(&im);
    image_reset(&spare);
    return status;
}

static int adjust(const char *path, const char *what, double factor) {
    image im = {0};
    err code = read_picture(path, 3, &im);
    if (code == OK && strcmp(what, "brightness") == 0)
        image_adjust_brightness(&im, factor);
    else if (code == OK && strcmp(what, "contrast") == 0)
        image_adjust_contrast(&im, factor);
    else if (code == OK && strcmp(what, "saturation") == 0)
        image_adjust_saturation(&im, factor);
    else if (code == OK)
        image_adjust_hue(&im, factor);
    int status = write_picture(code, &im);
    image_reset(&im);
    return status;
}

static int print_crops(const double *n) {
    transform t = TRANSFORM("random_resized_crop", {"size", {224}}, {"scale", {n[3], n[4]}}, {"ratio", {n[5], n[6]}});
    for (int id = 0; id < (int)n[0]; id++) {
        image_view v = view_whole((int)n[1], (int)n[2]);
        transform_random_resized_crop.view(t.values, &v, (transform_draws){key_of(id), 0});
        printf("%d %d %d %d\n", v.part.top, v.part.left, v.part.height, v.part.width);
    }
    return 0;
}

static int print_jitter(const double *n) {
    transform t = TRANSFORM("color_jitter", {"brightness", {n[1]}}, {"contrast", {n[2]}}, {"saturation", {n[3]}}, {"hue", {n[4]}});
    for (int id = 0; id < (int)n[0]; id++) {
        color_factors f = color_jitter_draw(t.values, (transform_draws){key_of(id), 0});
        printf("%.17g %.17g %.17g %.17g %d%d%d%d\n", f.brightness, f.contrast, f.saturation, f.hue, f.order[0], f.order[1], f.order[2],
               f.order[3]);
    }
    return 0;
}

int main(int argc, char **argv) {
    const char *command = argc > 2 ? argv[1] : "";
    bool has_path = strcmp(command, "load") == 0;
    double numbers[MOST_NUMBERS] = {0};
    for (int i = has_path ? 3 : 2, k = 0; i < argc && k < MOST_NUMBERS; i++, k++)
        numbers[k] = atof(argv[i]);
    if (strcmp(command, "decode") == 0)
        return decode(argv[2], 3);
    if (strcmp(command, "grey") == 0)
        return decode(argv[2], 1);
    if (strcmp(command, "adjust") == 0 && argc == 5)
        return adjust(argv[2], argv[3], atof(argv[4]));
    if (strcmp(command, "load") == 0)
        return load(argv[2], numbers);
    if (strcmp(command, "crops") == 0)
        return print_crops(numbers);
    if (strcmp(command, "jitter") == 0)
        return print_jitter(numbers);
    return ERR_USAGE;
}
