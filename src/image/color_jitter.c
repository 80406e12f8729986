/* color_jitter: brightness, contrast, saturation and hue changed by random factors in a random order, as torchvision does with Pillow's
 * pictures. Brightness, contrast and saturation are mixtures of the picture with a duller one (black, its mean grey, its own greys):
 *     dull + factor · (picture − dull), cut to [0, 255] and its fraction dropped;
 * hue is turned in HSV with 8 bits a channel (A. R. Smith: Color gamut transform pairs; SIGGRAPH 1978). Grey pictures keep their colour. */
#include "image/transform.h"

enum { ADJUSTMENTS = 4, LEVELS = 256, DRAW_ORDER = ADJUSTMENTS };

/* How far brightness, contrast and saturation may be from 1 times, and hue from its place, in turns. */
typedef struct color_jitter_options {
    double brightness, contrast, saturation, hue;
} color_jitter_options;

static const option rows[] = {
    {"brightness", OPTION_REAL, offsetof(color_jitter_options, brightness), "0", .least = 0, .most = 1e3},
    {"contrast", OPTION_REAL, offsetof(color_jitter_options, contrast), "0", .least = 0, .most = 1e3},
    {"saturation", OPTION_REAL, offsetof(color_jitter_options, saturation), "0", .least = 0, .most = 1e3},
    {"hue", OPTION_REAL, offsetof(color_jitter_options, hue), "0", .least = 0, .most = 0.5},
};

/* ---- draws ---- */

static double draw_factor(transform_draws d, int i, double strength) {
    return transform_uniform(d, i, strength < 1 ? 1 - strength : 0, 1 + strength);
}

color_factors color_jitter_draw(const void *own, transform_draws d) {
    const color_jitter_options *t = own;
    color_factors f = {
        .brightness = draw_factor(d, 0, t->brightness),
        .contrast = draw_factor(d, 1, t->contrast),
        .saturation = draw_factor(d, 2, t->saturation),
        .hue = transform_uniform(d, 3, -t->hue, t->hue),
        .order = {0, 1, 2, 3},
    };
    for (int i = ADJUSTMENTS - 1; i > 0; i--) { /* Fisher and Yates */
        int j = transform_below(d, DRAW_ORDER + i, i + 1), kept = f.order[i];
        f.order[i] = f.order[j];
        f.order[j] = kept;
    }
    return f;
}

/* ---- mixtures ---- */

static uint8_t mix(int dull, int level, float factor) {
    float mixed = (float)dull + factor * (float)(level - dull);
    return mixed <= 0 ? 0 : mixed >= 255 ? 255 : (uint8_t)mixed;
}

/* All pixels with one constant: a table does it. */
static void mix_with(image *im, int dull, double factor) {
    uint8_t table[LEVELS];
    for (int level = 0; level < LEVELS; level++)
        table[level] = mix(dull, level, (float)factor);
    size_t count = (size_t)im->width * (size_t)im->height * (size_t)im->channels;
    for (size_t i = 0; i < count; i++)
        im->pixels[i] = table[im->pixels[i]];
}

static size_t pixel_count(const image *im) {
    return (size_t)im->width * (size_t)im->height;
}

static int mean_grey(const image *im) {
    uint64_t sum = 0;
    size_t count = pixel_count(im);
    for (size_t i = 0; i < count; i++)
        sum += im->channels == 1 ? im->pixels[i] : pixel_grey(im->pixels + 3 * i);
    return (int)((double)sum / (double)count + 0.5);
}

void image_adjust_brightness(image *im, double factor) {
    mix_with(im, 0, factor);
}

void image_adjust_contrast(image *im, double factor) {
    mix_with(im, mean_grey(im), factor);
}

void image_adjust_saturation(image *im, double factor) {
    if (im->channels == 1)
        return;
    uint8_t *rgb = im->pixels, *end = rgb + 3 * pixel_count(im);
    for (; rgb < end; rgb += 3) {
        int grey = pixel_grey(rgb);
        for (int c = 0; c < 3; c++)
            rgb[c] = mix(grey, rgb[c], (float)factor);
    }
}

/* ---- hue ---- */

typedef struct hsv {
    uint8_t h, s, v;
} hsv;

static int largest(const uint8_t rgb[3]) {
    int most = rgb[0] > rgb[1] ? rgb[0] : rgb[1];
    return most > rgb[2] ? most : rgb[2];
}

static int smallest(const uint8_t rgb[3]) {
    int least = rgb[0] < rgb[1] ? rgb[0] : rgb[1];
    return least < rgb[2] ? least : rgb[2];
}

/* The hue in sixths of a turn: which colour is the largest, and how far the others are apart. float and double as in Pillow. */
static hsv hsv_from(const uint8_t rgb[3]) {
    int most = largest(rgb), range = most - smallest(rgb);
    if (range == 0)
        return (hsv){0, 0, (uint8_t)most};
    float r = (float)(most - rgb[0]) / (float)range, g = (float)(most - rgb[1]) / (float)range, b = (float)(most - rgb[2]) / (float)range;
    float sixths = rgb[0] == most ? b - g : rgb[1] == most ? (float)(2.0 + r - b) : (float)(4.0 + g - r);
    double turn = sixths / 6.0 + 1.0;
    float hue = (float)(turn >= 1 ? turn - 1 : turn);
    return (hsv){(uint8_t)(hue * 255.0), (uint8_t)((float)range / (float)most * 255.0), (uint8_t)most};
}

static uint8_t rounded(double level) {
    return (uint8_t)(level + 0.5);
}

static void hsv_to(hsv from, uint8_t rgb[3]) {
    /* Which of v, p, q, t the three colours are, sextant by sextant. */
    static const uint8_t roles[6][3] = {{0, 3, 1}, {2, 0, 1}, {1, 0, 3}, {1, 2, 0}, {3, 1, 0}, {0, 1, 2}};
    float sixths = (float)(from.h * 6.0 / 255.0), saturation = (float)(from.s / 255.0);
    int sextant = (int)sixths;
    float place = sixths - (float)sextant;
    uint8_t levels[4] = {from.v, rounded(from.v * (1.0 - saturation)), rounded(from.v * (1.0 - saturation * place)),
                         rounded(from.v * (1.0 - saturation * (1.0 - place)))};
    for (int c = 0; c < 3; c++)
        rgb[c] = levels[roles[sextant % 6][c]];
}

void image_adjust_hue(image *im, double factor) {
    if (im->channels == 1)
        return;
    uint8_t shift = (uint8_t)(int)(factor * 255), *rgb = im->pixels, *end = rgb + 3 * pixel_count(im);
    for (; rgb < end; rgb += 3) {
        hsv turned = hsv_from(rgb);
        turned.h = (uint8_t)(turned.h + shift);
        hsv_to(turned, rgb);
    }
}

/* ---- the transform ---- */

static void color_jitter_apply(const void *own, image *im, image *spare, transform_draws d) {
    (void)spare;
    const color_jitter_options *t = own;
    color_factors f = color_jitter_draw(own, d);
    for (int i = 0; i < ADJUSTMENTS; i++) {
        int which = f.order[i];
        if (which == 0 && t->brightness > 0)
            image_adjust_brightness(im, f.brightness);
        else if (which == 1 && t->contrast > 0)
            image_adjust_contrast(im, f.contrast);
        else if (which == 2 && t->saturation > 0)
            image_adjust_saturation(im, f.saturation);
        else if (which == 3 && t->hue > 0)
            image_adjust_hue(im, f.hue);
    }
}

const transform_kind transform_color_jitter = {
    .kind = {"color_jitter", rows, sizeof rows / sizeof *rows, sizeof(color_jitter_options)},
    .apply = color_jitter_apply,
};
