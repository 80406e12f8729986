/* One picture: a class, a design, a pose, a style, something behind and something before it. */
#include "pack/glyphs.h"

#include <string.h>

/* Streams of one seed, beside the split: 2 and 3 order the classes. */
enum { ORDER_STREAM = 2 };

double glyphs_between(glyphs_draws *d, double low, double high) {
    return low + rng_uniform(d->key, d->next++) * (high - low);
}

int glyphs_below(glyphs_draws *d, int bound) {
    return (int)rng_below(d->key, d->next++, (uint64_t)bound);
}

bool glyphs_chance(glyphs_draws *d, double p) {
    return rng_uniform(d->key, d->next++) < p;
}

typedef enum style { SOLID, OUTLINE, CARTOON, N_STYLES } style;

/* What a symbol is made of: bodies, lines (and the edges of bodies), and what lies upon bodies. */
typedef struct layers {
    glyphs_mask body, line, mark;
} layers;

static void draw_part(layers *l, const glyphs_path *path, style look, double radius) {
    switch (path->part) {
    case GLYPHS_BODY:
        glyphs_mask_fill(&l->body, path);
        if (look != SOLID)
            glyphs_mask_stroke(&l->line, path, radius);
        break;
    case GLYPHS_LINE:
        glyphs_mask_stroke(&l->line, path, radius);
        break;
    case GLYPHS_MARK:
        glyphs_mask_stroke(&l->mark, path, look == SOLID ? 0.8 * radius : 0.7 * radius);
        break;
    case GLYPHS_DOT:
        glyphs_mask_fill(&l->mark, path);
        break;
    }
}

static void draw_design(layers *l, glyphs_draws *d, const char *text, const glyphs_pose *pose, style look, double radius) {
    glyphs_path path, placed;
    while (glyphs_read_path(&text, &path)) {
        if (path.optional && glyphs_chance(d, 0.5))
            continue;
        for (int side = 0; side <= path.mirrored; side++) {
            glyphs_pose_apply(pose, &path, side == 1, &placed);
            draw_part(l, &placed, look, radius);
        }
    }
}

static void draw_symbol(glyphs_picture *p, glyphs_draws *d, glyphs_color base, int label) {
    static const glyphs_pose_bounds bounds = {0.115, 0.165, 0.27, 0.25, 2.5, 16};
    const glyphs_class *class = &glyphs_classes[label];
    const char *design = class->designs[glyphs_below(d, class->n_designs)];
    glyphs_pose pose;
    glyphs_pose_draw(&pose, d, &bounds);
    style look = (style)glyphs_below(d, N_STYLES);
    double radius = glyphs_between(d, 0.45, look == SOLID ? 1.2 : 0.95);
    layers l;
    memset(&l, 0, sizeof l);
    draw_design(&l, d, design, &pose, look, radius);

    double contrast = glyphs_between(d, 0.2, 0.5);
    glyphs_color ink_color = glyphs_color_against(d, base, contrast), paper_color = glyphs_color_against(d, ink_color, contrast);
    glyphs_paint ink = glyphs_paint_draw(d, ink_color, 0.15), paper = glyphs_paint_draw(d, paper_color, 0.15);
    if (look != OUTLINE)
        glyphs_picture_paint(p, &l.body, look == SOLID ? &ink : &paper, 1);
    glyphs_picture_paint(p, &l.line, &ink, 1);
    glyphs_picture_paint(p, &l.mark, look == SOLID ? &paper : &ink, 1);
}

/* A wandering line. */
static void clutter_line(glyphs_mask *m, glyphs_draws *d) {
    glyphs_point control[4];
    for (int i = 0; i < 4; i++) {
        control[i].x = glyphs_between(d, -4, GLYPHS_SIDE + 4);
        control[i].y = glyphs_between(d, -4, GLYPHS_SIDE + 4);
    }
    glyphs_path path = {.part = GLYPHS_LINE};
    bool smooth = glyphs_chance(d, 0.5);
    int n = 2 + glyphs_below(d, 3);
    glyphs_flatten(&path, control, n, smooth);
    glyphs_mask_stroke(m, &path, glyphs_between(d, 0.3, 0.9));
}

/* A part of another class's glyph, smaller and away from the middle. */
static void clutter_piece(glyphs_mask *m, glyphs_draws *d, int label) {
    static const glyphs_pose_bounds bounds = {0.06, 0.13, 1, 0.3, 0, 20};
    int other = (label + 1 + glyphs_below(d, GLYPHS_CLASSES - 1)) % GLYPHS_CLASSES;
    const glyphs_class *class = &glyphs_classes[other];
    const char *text = class->designs[glyphs_below(d, class->n_designs)];
    glyphs_pose pose;
    glyphs_pose_draw(&pose, d, &bounds);
    double along = glyphs_between(d, 0, GLYPHS_SIDE), across = glyphs_between(d, -1, 4);
    bool far = glyphs_chance(d, 0.5), upright = glyphs_chance(d, 0.5);
    if (far)
        across = GLYPHS_SIDE - across;
    pose.x = upright ? across : along;
    pose.y = upright ? along : across;
    glyphs_path path, placed;
    for (int part = 0; part < 3 && glyphs_read_path(&text, &path); part++) {
        glyphs_pose_apply(&pose, &path, false, &placed);
        if (path.part == GLYPHS_BODY)
            glyphs_mask_fill(m, &placed);
        else
            glyphs_mask_stroke(m, &placed, 0.6);
    }
}

static void draw_clutter(glyphs_picture *p, glyphs_draws *d, glyphs_color base, int label) {
    int n = glyphs_below(d, 4);
    for (int i = 0; i < n; i++) {
        glyphs_mask m;
        memset(&m, 0, sizeof m);
        if (glyphs_chance(d, 0.5))
            clutter_line(&m, d);
        else
            clutter_piece(&m, d, label);
        glyphs_color color = glyphs_color_draw(d);
        double strength = glyphs_between(d, 0.2, 0.8);
        color = glyphs_color_mix(base, color, strength);
        glyphs_paint paint = glyphs_paint_draw(d, color, 0.1);
        glyphs_picture_paint(p, &m, &paint, 1);
    }
}

int32_t glyphs_label(const glyphs_set *set, int64_t i) {
    rng_key key = rng_make_key(set->seed, RNG_DATA, ORDER_STREAM + set->split, 0);
    return (int32_t)(rng_permute(key, (uint64_t)set->count, (uint64_t)i) % GLYPHS_CLASSES);
}

void glyphs_draw(const glyphs_set *set, int64_t i, uint8_t pixels[GLYPHS_BYTES]) {
    glyphs_draws d = {.key = rng_make_key(set->seed, RNG_DATA, set->split, (uint64_t)i)};
    int label = glyphs_label(set, i);
    glyphs_picture p;
    glyphs_color base = glyphs_color_draw(&d);
    glyphs_picture_background(&p, &d, base);
    draw_clutter(&p, &d, base, label);
    draw_symbol(&p, &d, base, label);
    glyphs_picture_blur(&p, &d);
    glyphs_picture_finish(&p, &d, pixels);
}
