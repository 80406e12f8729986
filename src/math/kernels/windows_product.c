/* Y = windows · B, a block of windows at a time: its planes' rows are laid out, and then all panels of B pass over its tiles. A tile is a
 * stretch of one row of windows, or of several that follow one another on both sides. Sums over k are cut, by the kernel's shape alone,
 * into blocks whose panels stay in L1. */
#include "math/kernels/windows.h"

enum { PLACES = 224, K_BLOCK = VECTOR == 16 ? 1024 : 256, STREAM_FLOATS = 1024 * 1024 /* of Y */ };

/* Rows of windows at a time, and images where all of an image is less than a block. */
static window_rows block_of(const windows *g) {
    int64_t rows = math_min(g->oh, PLACES / g->ow > 1 ? PLACES / g->ow : 1), blocks = (g->oh + rows - 1) / rows;
    int64_t images = rows == g->oh ? PLACES / (g->oh * g->ow) : 1;
    return (window_rows){.images = images > 1 ? images : 1, .rows = (g->oh + blocks - 1) / blocks};
}

int64_t MATH(windows_product_floats)(const windows *g) {
    window_rows block = block_of(g);
    return block.images * MATH(layout_of)(g, block.rows).image;
}

/* How k is cut: into blocks of whole kernel rows, or, where one is too long, into even parts of what lies in one piece. */
typedef struct k_cuts {
    int64_t unit;            /* floats of a kernel row, or of a piece */
    int64_t units, together; /* how many there are, how many kernel rows make a block at most */
    int64_t parts;           /* of a unit */
} k_cuts;

static k_cuts cuts_of(const windows *g) {
    int64_t row = g->kw * g->channels, piece = joined_taps(g) * g->channels;
    if (row <= K_BLOCK)
        return (k_cuts){row, g->kh, K_BLOCK / row, 1};
    return (k_cuts){piece, g->kh * g->kw / joined_taps(g), 1, (piece + K_BLOCK - 1) / K_BLOCK};
}

/* Begins block i of k in `t`; returns how many steps lie before it. */
static int64_t enter_block(const windows *g, const layout *l, const k_cuts *cuts, int64_t blocks, int64_t i, tile *t) {
    int64_t pieces = g->kw / joined_taps(g);
    if (cuts->parts == 1 && cuts->unit == g->kw * g->channels) {
        int64_t first = cuts->units * i / blocks, last = cuts->units * (i + 1) / blocks;
        t->a += first * l->kernel_row;
        t->k = joined_taps(g) * g->channels;
        t->more_segments = pieces - 1;
        t->segment_step = l->tap;
        t->more_groups = last - first - 1;
        t->group_step = l->kernel_row;
        return first * cuts->unit;
    }
    int64_t unit = i / cuts->parts, part = i % cuts->parts;
    int64_t first = cuts->unit * part / cuts->parts, last = cuts->unit * (part + 1) / cuts->parts;
    t->a += unit / pieces * l->kernel_row + unit % pieces * l->tap + first;
    t->k = last - first;
    return unit * cuts->unit + first;
}

/* Rows of windows that follow one another on both sides, as windows of one pixel may, are one long row: of few places a tile or two are
 * too low. */
typedef struct window_runs {
    int64_t images, rows, places;
} window_runs;

static window_runs join_rows(const windows *g, window_rows part, const layout *l, places to) {
    window_runs r = {part.images, part.rows, g->ow};
    if (l->row != g->ow * l->place || to.row != g->ow * to.place)
        return r;
    r.places *= r.rows;
    r.rows = 1;
    if (l->image != r.places * l->place || to.image != r.places * to.place)
        return r;
    r.places *= r.images;
    r.images = 1;
    return r;
}

/* The tiles of one row of windows; `t` is its first one. They fetch lines of the next panel. */
static void row_tiles(int64_t count, int64_t columns, int64_t place, int64_t steps, stretch *next, tile t) {
    int64_t tiles = tiles_of(count), low = count / tiles, taller = count % tiles;
    for (int64_t i = 0; i < tiles; i++) {
        int64_t height = low + (i < taller);
        t.ahead = stretch_take(next, steps);
        if (!t.stream)
            tile_fetch(height, &t);
        MATH(tile_compute)(height, columns, &t);
        t.a += height * place;
        t.c += height * t.ldc;
        t.below += height * t.ld_below;
    }
}

/* One panel over all rows of windows of a block. `t` is at the first window; its `below` is a bias when its distance is 0, else C. */
static void panel_tiles(window_runs runs, const layout *l, places to, int64_t columns, const float *next_panel, tile t) {
    int64_t steps = t.k * (t.more_segments + 1) * (t.more_groups + 1);
    stretch next = {next_panel, next_panel + steps * PANEL};
    for (int64_t image = 0; image < runs.images; image++)
        for (int64_t row = 0; row < runs.rows; row++) {
            tile first = t;
            int64_t down = image * to.image + row * to.row;
            first.a += image * l->image + row * l->row;
            first.c += down;
            first.below += t.ld_below ? down : 0;
            row_tiles(runs.places, columns, l->place, steps, &next, first);
        }
}

/* What the sums go to. */
typedef struct target {
    float *y;
    places to;
    const float *bias; /* or NULL */
    bool add, stream;
} target;

static void block_product(const windows *g, window_rows part, int64_t n, const float *laid, const float *packed, const target *out) {
    layout l = MATH(layout_of)(g, part.rows);
    window_runs runs = join_rows(g, part, &l, out->to);
    k_cuts cuts = cuts_of(g);
    int64_t k = g->kh * g->kw * g->channels;
    int64_t blocks = cuts.parts > 1 || cuts.together <= 1 ? cuts.units * cuts.parts : (cuts.units + cuts.together - 1) / cuts.together;
    for (int64_t i = 0; i < blocks; i++) {
        tile t = {.a = laid, .row_step = l.place, .ldc = out->to.place, .stream = out->stream && blocks == 1};
        int64_t before = enter_block(g, &l, &cuts, blocks, i, &t);
        bool onto_y = out->add || i > 0;
        t.addends = onto_y || out->bias;
        t.ld_below = onto_y ? out->to.place : 0;
        for (int64_t column = 0; column < n; column += PANEL) {
            t.b = packed + column * k + before * PANEL;
            t.c = out->y + column;
            t.below = onto_y || !out->bias ? t.c : out->bias + column;
            panel_tiles(runs, &l, out->to, math_min(PANEL, n - column), t.b + k * PANEL, t);
        }
    }
}

void MATH(windows_product)(const windows *g, int64_t images, int64_t n, const float *x, const float *packed, const float *bias, bool add,
                           float *y, places to, float *scratch) {
    window_rows most = block_of(g);
    bool stream = !add && images * g->oh * g->ow * n >= STREAM_FLOATS && n % LINE == 0 && vec_streams_lines(y, to.place);
    for (int64_t image = 0; image < images; image += most.images)
        for (int64_t row = 0; row < g->oh; row += most.rows) {
            window_rows part = {image, math_min(most.images, images - image), row, math_min(most.rows, g->oh - row)};
            target out = {y + image * to.image + row * to.row, to, bias, add, stream};
            MATH(lay_out)(g, part, x, scratch);
            block_product(g, part, n, scratch, packed, &out);
        }
}
