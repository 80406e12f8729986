/* Anti-aliased coverage: strokes by their distance to the pixel's centre, bodies by exact spans on several lines a pixel. */
#include <math.h>

#include "pack/glyphs.h"

enum { SUB_LINES = 4, CROSSINGS = 64 };

static int clamp_pixel(double v) {
    return v < 0 ? 0 : v > GLYPHS_SIDE - 1 ? GLYPHS_SIDE - 1 : (int)v;
}

static double lower(double a, double b) {
    return a < b ? a : b;
}

static double upper(double a, double b) {
    return a > b ? a : b;
}

static void cover_at_least(double *cover, double value) {
    *cover = upper(*cover, lower(value, 1));
}

static double distance_to_segment(glyphs_point a, glyphs_point b, double x, double y) {
    double dx = b.x - a.x, dy = b.y - a.y, length = dx * dx + dy * dy;
    double t = length > 0 ? ((x - a.x) * dx + (y - a.y) * dy) / length : 0;
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    double ex = a.x + t * dx - x, ey = a.y + t * dy - y;
    return sqrt(ex * ex + ey * ey);
}

static void stroke_segment(glyphs_mask *m, glyphs_point a, glyphs_point b, double radius) {
    double reach = radius + 0.5;
    double low_x = lower(a.x, b.x) - reach, high_x = upper(a.x, b.x) + reach;
    double low_y = lower(a.y, b.y) - reach, high_y = upper(a.y, b.y) + reach;
    if (high_x < 0 || low_x > GLYPHS_SIDE || high_y < 0 || low_y > GLYPHS_SIDE)
        return;
    for (int row = clamp_pixel(low_y); row <= clamp_pixel(high_y); row++)
        for (int column = clamp_pixel(low_x); column <= clamp_pixel(high_x); column++) {
            double distance = distance_to_segment(a, b, column + 0.5, row + 0.5);
            cover_at_least(&m->cover[row * GLYPHS_SIDE + column], reach - distance);
        }
}

void glyphs_mask_stroke(glyphs_mask *m, const glyphs_path *path, double radius) {
    for (int i = 0; i + 1 < path->n; i++)
        stroke_segment(m, path->p[i], path->p[i + 1], radius);
}

/* Where the horizontal line at y crosses the path, sorted. */
static int crossings(const glyphs_path *path, double y, double *at) {
    int n = 0;
    for (int i = 0; i + 1 < path->n && n < CROSSINGS; i++) {
        glyphs_point a = path->p[i], b = path->p[i + 1];
        if ((a.y <= y) == (b.y <= y))
            continue;
        double x = a.x + (y - a.y) / (b.y - a.y) * (b.x - a.x);
        int place = n++;
        for (; place > 0 && at[place - 1] > x; place--)
            at[place] = at[place - 1];
        at[place] = x;
    }
    return n;
}

static void add_span(double *row, double from, double to) {
    from = upper(from, 0);
    to = lower(to, GLYPHS_SIDE);
    if (from >= to)
        return;
    for (int column = (int)from; column < GLYPHS_SIDE && column < to; column++)
        row[column] += (lower(to, column + 1) - upper(from, column)) / SUB_LINES;
}

void glyphs_mask_fill(glyphs_mask *m, const glyphs_path *path) {
    for (int row = 0; row < GLYPHS_SIDE; row++) {
        double covered[GLYPHS_SIDE] = {0}, at[CROSSINGS];
        for (int line = 0; line < SUB_LINES; line++) {
            int n = crossings(path, row + (line + 0.5) / SUB_LINES, at);
            for (int i = 0; i + 1 < n; i += 2)
                add_span(covered, at[i], at[i + 1]);
        }
        for (int column = 0; column < GLYPHS_SIDE; column++)
            cover_at_least(&m->cover[row * GLYPHS_SIDE + column], covered[column]);
    }
}
