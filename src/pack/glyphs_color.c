/* Colours, paint, and what is done to whole pictures: background, blur, noise. */
#include <string.h>

#include "pack/glyphs.h"

enum { TEXTURE_MAX = 12, RETRIES = 16 };

glyphs_color glyphs_color_draw(glyphs_draws *d) {
    glyphs_color color;
    for (int k = 0; k < 3; k++)
        color.c[k] = glyphs_between(d, 0, 1);
    return color;
}

static double luminance(glyphs_color color) {
    return 0.3 * color.c[0] + 0.6 * color.c[1] + 0.1 * color.c[2];
}

/* A colour lighter or darker than the other by at least `contrast`; black or white where none is found soon. */
glyphs_color glyphs_color_against(glyphs_draws *d, glyphs_color other, double contrast) {
    double base = luminance(other);
    for (int i = 0; i < RETRIES; i++) {
        glyphs_color color = glyphs_color_draw(d);
        double difference = luminance(color) - base;
        if (difference >= contrast || difference <= -contrast)
            return color;
    }
    double extreme = base > 0.5 ? 0 : 1;
    return (glyphs_color){{extreme, extreme, extreme}};
}

glyphs_color glyphs_color_mix(glyphs_color a, glyphs_color b, double share_of_b) {
    glyphs_color mixed;
    for (int k = 0; k < 3; k++)
        mixed.c[k] = a.c[k] + share_of_b * (b.c[k] - a.c[k]);
    return mixed;
}

glyphs_paint glyphs_paint_draw(glyphs_draws *d, glyphs_color base, double spread) {
    glyphs_paint paint;
    for (int k = 0; k < 3; k++) {
        double half = glyphs_between(d, -spread, spread);
        paint.from.c[k] = base.c[k] - half;
        paint.to.c[k] = base.c[k] + half;
    }
    paint.dx = glyphs_between(d, -1, 1) / GLYPHS_SIDE;
    paint.dy = glyphs_between(d, -1, 1) / GLYPHS_SIDE;
    return paint;
}

void glyphs_picture_paint(glyphs_picture *p, const glyphs_mask *m, const glyphs_paint *paint, double opacity) {
    for (int i = 0; i < GLYPHS_PIXELS; i++) {
        int x = i % GLYPHS_SIDE - GLYPHS_SIDE / 2, y = i / GLYPHS_SIDE - GLYPHS_SIDE / 2;
        glyphs_color color = glyphs_color_mix(paint->from, paint->to, 0.5 + x * paint->dx + y * paint->dy);
        p->at[i] = glyphs_color_mix(p->at[i], color, opacity * m->cover[i]);
    }
}

/* Smooth noise: random values on the nodes of a grid of `cells` cells a side, linear in between. */
static void add_cloud(glyphs_picture *p, glyphs_draws *d, int cells, double strength) {
    double node[TEXTURE_MAX + 2][TEXTURE_MAX + 2];
    glyphs_color tint = glyphs_color_draw(d);
    for (int row = 0; row <= cells + 1; row++)
        for (int column = 0; column <= cells + 1; column++)
            node[row][column] = glyphs_between(d, -strength, strength);
    for (int i = 0; i < GLYPHS_PIXELS; i++) {
        double x = (double)(i % GLYPHS_SIDE * cells) / GLYPHS_SIDE, y = (double)(i / GLYPHS_SIDE * cells) / GLYPHS_SIDE;
        int column = (int)x, row = (int)y;
        double top = node[row][column] + (x - column) * (node[row][column + 1] - node[row][column]);
        double bottom = node[row + 1][column] + (x - column) * (node[row + 1][column + 1] - node[row + 1][column]);
        double value = top + (y - row) * (bottom - top);
        for (int k = 0; k < 3; k++)
            p->at[i].c[k] += value * (0.5 + tint.c[k]);
    }
}

/* Stripes: a triangle wave along a random direction. */
static void add_stripes(glyphs_picture *p, glyphs_draws *d, double strength) {
    double fx = glyphs_between(d, -0.2, 0.2), fy = glyphs_between(d, -0.2, 0.2), phase = glyphs_between(d, 8, 9);
    glyphs_color tint = glyphs_color_draw(d);
    for (int i = 0; i < GLYPHS_PIXELS; i++) {
        double t = phase + i % GLYPHS_SIDE * fx + i / GLYPHS_SIDE * fy + GLYPHS_SIDE;
        double saw = t - (double)(int)t;
        double wave = saw < 0.5 ? 4 * saw - 1 : 3 - 4 * saw;
        for (int k = 0; k < 3; k++)
            p->at[i].c[k] += strength * wave * (0.5 + tint.c[k]);
    }
}

void glyphs_picture_background(glyphs_picture *p, glyphs_draws *d, glyphs_color base) {
    glyphs_mask whole;
    for (int i = 0; i < GLYPHS_PIXELS; i++)
        whole.cover[i] = 1;
    memset(p, 0, sizeof *p);
    glyphs_paint paint = glyphs_paint_draw(d, base, 0.2);
    glyphs_picture_paint(p, &whole, &paint, 1);
    int texture = glyphs_below(d, 4);
    double strength = glyphs_between(d, 0.02, 0.12);
    if (texture == 1)
        add_cloud(p, d, 2 + glyphs_below(d, 4), strength);
    else if (texture == 2)
        add_cloud(p, d, 6 + glyphs_below(d, TEXTURE_MAX - 6), strength);
    else if (texture == 3)
        add_stripes(p, d, strength);
}

/* Two passes of (k, 1 - 2k, k); the border repeats. */
void glyphs_picture_blur(glyphs_picture *p, glyphs_draws *d) {
    double k = glyphs_between(d, 0, 0.25);
    for (int pass = 0; pass < 2; pass++) {
        glyphs_picture from = *p;
        int step = pass == 0 ? 1 : GLYPHS_SIDE;
        for (int i = 0; i < GLYPHS_PIXELS; i++) {
            int at = pass == 0 ? i % GLYPHS_SIDE : i / GLYPHS_SIDE;
            const glyphs_color *before = &from.at[at > 0 ? i - step : i], *after = &from.at[at < GLYPHS_SIDE - 1 ? i + step : i];
            for (int c = 0; c < 3; c++)
                p->at[i].c[c] = (1 - 2 * k) * from.at[i].c[c] + k * (before->c[c] + after->c[c]);
        }
    }
}

/* The sum of four random bytes: nearly normal, mean 0, in units of its standard deviation (4 (256² - 1) / 12 = 147.8²). */
static double noise(uint32_t word) {
    int sum = (int)((word & 255) + (word >> 8 & 255) + (word >> 16 & 255) + (word >> 24));
    return (sum - 510) / 147.8;
}

void glyphs_picture_finish(const glyphs_picture *p, glyphs_draws *d, uint8_t pixels[GLYPHS_BYTES]) {
    double strength = glyphs_between(d, 0, 18);
    for (int i = 0; i < GLYPHS_PIXELS; i++) {
        rng_block words = rng_words(d->key, d->next++);
        for (int k = 0; k < 3; k++) {
            double level = 255 * p->at[i].c[k] + strength * noise(words.word[k]) + 0.5;
            pixels[3 * i + k] = level < 0 ? 0 : level > 255 ? 255 : (uint8_t)level;
        }
    }
}
