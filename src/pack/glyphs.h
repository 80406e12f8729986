/* glyphs: the default data set, drawings of ten things from the sea. Every step uses only + - * / and square roots of doubles, integers,
 * and rng_words() and its kin, so that every machine and compiler draws the same bits (compiled with -ffp-contract=off). Draws are made
 * one a statement, because C leaves the order within an expression open. Inside of the pack room only. */
#ifndef SHOAL_PACK_GLYPHS_H
#define SHOAL_PACK_GLYPHS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"

enum {
    GLYPHS_SIDE = 32,
    GLYPHS_PIXELS = GLYPHS_SIDE * GLYPHS_SIDE,
    GLYPHS_BYTES = 3 * GLYPHS_PIXELS, /* of a picture: rows of RGB pixels */
    GLYPHS_CLASSES = 10,
    GLYPHS_PATH_POINTS = 320,
};

/* ---- the whole ---- */

typedef struct glyphs_set {
    uint64_t seed;
    uint64_t split; /* 0: train, 1: val */
    int64_t count;  /* a multiple of GLYPHS_CLASSES: the classes are balanced */
} glyphs_set;

int32_t glyphs_label(const glyphs_set *set, int64_t i);
void glyphs_draw(const glyphs_set *set, int64_t i, uint8_t pixels[GLYPHS_BYTES]);

/* ---- draws: numbers from a keyed stream, in sequence ---- */

typedef struct glyphs_draws {
    rng_key key;
    uint64_t next;
} glyphs_draws;

double glyphs_between(glyphs_draws *d, double low, double high);
int glyphs_below(glyphs_draws *d, int bound);
bool glyphs_chance(glyphs_draws *d, double p);

/* ---- designs: outlines as text ---- */

/* A design is a list of paths in the square [-100, 100]², y downwards. A path is a letter and whole numbers:
 *     F x y x y …  closed polygon, a body      f  the same as a smooth curve through the points
 *     L x y x y …  open line                   l  smooth
 *     M x y x y …  mark upon a body            m  smooth
 *     O x y rx ry  filled ellipse, a body      R  ring      o  dot upon a body
 * and signs before the letter: `=` draws it mirrored (x to -x) as well, `?` leaves it out of every other picture. */
typedef struct glyphs_class {
    const char *name;
    const char *const *designs;
    int n_designs;
} glyphs_class;

extern const glyphs_class glyphs_classes[GLYPHS_CLASSES];

/* ---- paths ---- */

typedef enum glyphs_part { GLYPHS_BODY, GLYPHS_LINE, GLYPHS_MARK, GLYPHS_DOT } glyphs_part;

typedef struct glyphs_point {
    double x, y;
} glyphs_point;

typedef struct glyphs_path {
    glyphs_part part;
    bool closed, mirrored, optional;
    int n;
    glyphs_point p[GLYPHS_PATH_POINTS]; /* many short segments */
} glyphs_path;

/* Reads the path at *text and moves *text behind it. False at the end of the design, or where the text is wrong (*text is not at its end).
 */
bool glyphs_read_path(const char **text, glyphs_path *path);

/* The smooth curve through control points (Catmull and Rom 1974), or straight lines, cut into short segments. */
void glyphs_flatten(glyphs_path *path, const glyphs_point *control, int n, bool smooth);

/* ---- poses: elastic distortion, then an affine map ---- */

enum { GLYPHS_GRID = 5 };

typedef struct glyphs_pose {
    double xx, xy, yx, yy, x, y;
    glyphs_point grid[GLYPHS_GRID][GLYPHS_GRID]; /* displacements of the nodes of a grid over [-100, 100]² */
} glyphs_pose;

/* size: pixels a unit; turn: bound of the rotation as tan(angle / 2); stretch: of shear and of the ratio of the axes. */
typedef struct glyphs_pose_bounds {
    double size_low, size_high, turn, stretch, shift, elastic;
} glyphs_pose_bounds;

void glyphs_pose_draw(glyphs_pose *pose, glyphs_draws *d, const glyphs_pose_bounds *bounds);
void glyphs_pose_apply(const glyphs_pose *pose, const glyphs_path *from, bool mirror, glyphs_path *to);

/* ---- masks: how much of each pixel is covered ---- */

typedef struct glyphs_mask {
    double cover[GLYPHS_PIXELS];
} glyphs_mask;

void glyphs_mask_stroke(glyphs_mask *m, const glyphs_path *path, double radius);
void glyphs_mask_fill(glyphs_mask *m, const glyphs_path *path);

/* ---- pictures: colours and what lies around the glyph ---- */

typedef struct glyphs_color {
    double c[3]; /* red, green, blue in [0, 1] */
} glyphs_color;

typedef struct glyphs_picture {
    glyphs_color at[GLYPHS_PIXELS];
} glyphs_picture;

glyphs_color glyphs_color_draw(glyphs_draws *d);
glyphs_color glyphs_color_against(glyphs_draws *d, glyphs_color other, double contrast);
glyphs_color glyphs_color_mix(glyphs_color a, glyphs_color b, double share_of_b);

/* Lays a colour, one side of the picture shaded towards another, on what the mask covers. */
typedef struct glyphs_paint {
    glyphs_color from, to;
    double dx, dy; /* the direction of shading, a pixel */
} glyphs_paint;

glyphs_paint glyphs_paint_draw(glyphs_draws *d, glyphs_color base, double spread);
void glyphs_picture_paint(glyphs_picture *p, const glyphs_mask *m, const glyphs_paint *paint, double opacity);

void glyphs_picture_background(glyphs_picture *p, glyphs_draws *d, glyphs_color base);
void glyphs_picture_blur(glyphs_picture *p, glyphs_draws *d);
void glyphs_picture_finish(const glyphs_picture *p, glyphs_draws *d, uint8_t pixels[GLYPHS_BYTES]); /* noise, 8 bits */

#endif
