/* C = Σ_lanes windowsᵀ · B, tap by tap: all windows' pixels under one tap of the kernel are a matrix, and gemm_sum.c reads it in the planes
 * as they lie, or from panels where SUMS_IN_PLACE says no. Windows whose pixel would lie outside have no share in that tap's sum. It wants
 * channels enough for tall tiles of one tap, where fewer take windows_sum.c.
 *
 * C is made in blocks: large ones, since a chunk's rows are read, and packed, for every block anew, but not so large that its waiting sums,
 * half a megabyte a level, which come and go with every chunk, would leave the caches. In place, the tiles ask meanwhile for the next
 * chunk's rows: each tile in one panel's turn its left lines, and some tiles of each panel that panel's. */
#include <string.h>

#include "math/kernels/windows.h"

enum {
    BLOCK_CHANNELS = 256, /* of a kernel of one tap */
    BLOCK_COLUMNS = 512,
    TAPS_SIDE = 128, /* channels and columns of a block of several taps */
};

/* A block of C: some channels under all taps, by some columns. */
typedef struct block {
    int64_t channel, channels, column, columns;
} block;

typedef struct cuts {
    int64_t rows, columns;
} cuts;

static cuts cuts_of(const windows *g, int64_t n) {
    bool one = g->kh * g->kw == 1;
    int64_t channels = one ? BLOCK_CHANNELS : TAPS_SIDE, columns = one ? BLOCK_COLUMNS : TAPS_SIDE;
    return (cuts){(g->channels + channels - 1) / channels, (n + columns - 1) / columns};
}

int MATH(tap_blocks)(const windows *g, int64_t n) {
    cuts c = cuts_of(g, n);
    return (int)(c.rows * c.columns);
}

/* The columns are cut between panels. */
static block block_of(const windows *g, int64_t n, int number) {
    cuts c = cuts_of(g, n);
    int64_t i = number % c.rows, j = number / c.rows, panels = panels_of(n);
    int64_t channel = g->channels * i / c.rows, column = panels * j / c.columns * PANEL;
    int64_t end = math_min(panels * (j + 1) / c.columns * PANEL, n);
    return (block){channel, g->channels * (i + 1) / c.rows - channel, column, end - column};
}

/* A chunk is several images where they are small, else rows of windows of one. */
static int64_t chunk_rows(const windows *g) {
    return CHUNK_ROWS > g->ow ? CHUNK_ROWS / g->ow : 1;
}

/* Sums that wait, of a level. */
static int64_t level_floats(const windows *g, const block *b) {
    return waiting_floats(g->kh * g->kw * b->channels, b->columns, 1);
}

/* Panels of a chunk, packed: of the right side, and behind them of the left one. */
static int64_t packed_right(const windows *g) {
    return packed_floats(chunk_rows(g) * g->ow, SUMS_IN_PLACE ? PANEL : BLOCK_COLUMNS);
}

static int64_t packed_left(const windows *g) {
    return SUMS_IN_PLACE ? 0 : packed_floats(chunk_rows(g) * g->ow, BLOCK_CHANNELS);
}

int64_t MATH(taps_sum_floats)(const windows *g, int64_t n, int levels) {
    int64_t most = 0;
    for (int i = 0; i < MATH(tap_blocks)(g, n); i++) {
        block b = block_of(g, n, i);
        most = level_floats(g, &b) > most ? level_floats(g, &b) : most;
    }
    return most * levels + packed_right(g) + packed_left(g);
}

/* ---- the rows of a tap ---- */

typedef struct range {
    int64_t first, count;
} range;

/* Windows [first, first + count) in one dimension whose pixel under a tap, at i · stride + offset, lies inside. */
static range inside(range all, int64_t stride, int64_t offset, int64_t size) {
    int64_t low = offset < 0 ? (stride - 1 - offset) / stride : 0, high = size > offset ? (size - offset + stride - 1) / stride : 0;
    int64_t first = low > all.first ? low : all.first, end = math_min(all.first + all.count, high);
    return (range){first, end > first ? end - first : 0};
}

/* Segments that follow one another are one. */
static sum_rows joined(sum_rows r) {
    if (r.a_segment == r.steps * r.a_step && r.b_segment == r.steps) {
        r.steps *= r.segments;
        r.segments = 1;
    }
    if (r.segments == 1 && r.a_group == r.steps * r.a_step && r.b_group == r.steps) {
        r.steps *= r.groups;
        r.groups = 1;
    }
    return r;
}

/* `b` is the piece's first row of B, counted from the chunk's. */
static sum_rows rows_of(const windows *g, row_piece piece, int64_t b, int64_t kh, int64_t kw, const float *x) {
    bool whole = piece.row == 0 && piece.rows % g->oh == 0;
    int64_t top = kh * g->dilation_h - g->pad_h, left = kw * g->dilation_w - g->pad_w;
    range rows = inside((range){piece.row, whole ? g->oh : piece.rows}, g->stride_h, top, g->h);
    range columns = inside((range){0, g->ow}, g->stride_w, left, g->w);
    int64_t h = piece.sample * g->h + rows.first * g->stride_h + top, w = columns.first * g->stride_w + left;
    if (piece.rows == 0 || rows.count == 0 || columns.count == 0)
        return (sum_rows){.a = x};
    return joined((sum_rows){.steps = columns.count,
                             .segments = rows.count,
                             .groups = whole ? piece.rows / g->oh : 1,
                             .a = x + (h * g->w + w) * g->pixel,
                             .a_step = g->stride_w * g->pixel,
                             .a_segment = g->stride_h * g->w * g->pixel,
                             .a_group = g->h * g->w * g->pixel,
                             .b = b + (rows.first - piece.row) * g->ow + columns.first,
                             .b_segment = g->ow,
                             .b_group = g->oh * g->ow});
}

/* ---- a chunk ---- */

/* What all taps of a chunk have in common. */
typedef struct job {
    const windows *g;
    const row_chunk *chunk;
    const float *x, *b; /* the first channel of all images; the chunk's first row */
    int64_t ldb, columns;
    float *right;       /* the chunk's panels, or in place only the last one, where that ends within a vector */
    float *left;        /* a tap's panels, unless in place */
    int64_t left_ahead; /* floats from the chunk's first pixel to the next chunk's, 0 after the last */
} job;

static void pack_right(const job *j) {
    int64_t rows = j->chunk->rows * j->g->ow, rest = j->columns % PANEL;
    if (!SUMS_IN_PLACE)
        MATH(pack)(rows, j->columns, j->b, j->ldb, 1, j->right);
    else if (rest % VECTOR)
        MATH(pack)(rows, rest, j->b + j->columns - rest, j->ldb, 1, j->right);
}

/* A row of the left side into its panels, which are `panel` floats apart. */
INLINE void pack_row(int64_t channels, const float *row, int64_t panel, float *to) {
    for (; channels >= PANEL; channels -= PANEL, row += PANEL, to += panel) {
        vec_store(to, vec_load(row));
        vec_store(to + VECTOR, vec_load(row + VECTOR));
    }
    memcpy(to, row, (size_t)channels * sizeof *row);
}

/* Packs a tap's left side, and lets `rows` point there. */
static void pack_left(const job *j, int64_t channels, sum_rows rows[CHUNK_PIECES]) {
    int64_t panel = j->chunk->rows * j->g->ow * PANEL;
    float *to = j->left;
    for (int i = 0; i < j->chunk->count; i++) {
        sum_rows *r = rows + i;
        const float *first = to;
        for (int64_t group = 0; group < r->groups; group++)
            for (int64_t segment = 0; segment < r->segments; segment++)
                for (int64_t step = 0; step < r->steps; step++, to += PANEL)
                    pack_row(channels, r->a + group * r->a_group + segment * r->a_segment + step * r->a_step, panel, to);
        r->a = first;
        r->a_step = PANEL;
        r->a_segment = r->steps * PANEL;
        r->a_group = r->segments * r->a_segment;
    }
}

/* A tile's rows of C, and where its left side begins. */
typedef struct strip {
    int64_t row, height, left;
} strip;

/* What lies side by side on the left: no strip has parts of two panels. */
static int64_t left_width(int64_t channels) {
    return SUMS_IN_PLACE ? channels : PANEL;
}

static int64_t strips_of(int64_t channels) {
    int64_t width = left_width(channels);
    return channels / width * tiles_of(width) + tiles_of(channels % width);
}

static strip strip_of(const job *j, int64_t channels, int64_t i) {
    int64_t width = left_width(channels), each = tiles_of(width), panel = i / each, before = panel * width;
    int64_t columns = math_min(width, channels - before), strips = tiles_of(columns);
    int64_t first = columns * (i % each) / strips, end = columns * (i % each + 1) / strips;
    return (strip){before + first, end - first, panel * j->chunk->rows * j->g->ow * PANEL + first};
}

static sum_panel panel_at(const job *j, int64_t column) {
    int64_t columns = math_min(PANEL, j->columns - column);
    if (!SUMS_IN_PLACE)
        return (sum_panel){j->right + column * j->chunk->rows * j->g->ow, PANEL, columns};
    return columns % VECTOR ? (sum_panel){j->right, PANEL, columns} : (sum_panel){j->b + column, j->ldb, columns};
}

/* What tile `number` of a panel asks for: its own lines of A in one of the panels, if no other tap asks for them, and else, under the first
 * tap, the panel's columns of B from `*asked` on. */
static sum_ahead ahead_of(const job *j, int64_t tap, int64_t number, int64_t panel, int64_t *asked) {
    int64_t turns = panels_of(j->columns) > 1 ? panels_of(j->columns) : 2;
    bool own = tap / j->g->kw < j->g->stride_h && tap % j->g->kw < j->g->stride_w;
    if (!SUMS_IN_PLACE || !j->left_ahead)
        return (sum_ahead){0};
    if (own && number % turns == panel)
        return (sum_ahead){.left = j->left_ahead};
    if (tap > 0 || *asked >= PANEL)
        return (sum_ahead){0};
    const float *from = j->b + j->chunk->rows * j->g->ow * j->ldb + panel * PANEL + *asked;
    *asked += LINE;
    return (sum_ahead){.right = {from, j->ldb}};
}

/* A tap's tiles. c: its rows. */
static float *add_tap(const job *j, int64_t tap, int64_t channels, sum_place place, float *c) {
    const windows *g = j->g;
    sum_rows rows[CHUNK_PIECES];
    int64_t first = 0, strips = strips_of(channels);
    for (int i = 0; i < j->chunk->count; first += j->chunk->pieces[i++].rows * g->ow)
        rows[i] = rows_of(g, j->chunk->pieces[i], first, tap / g->kw, tap % g->kw, j->x);
    if (!SUMS_IN_PLACE)
        pack_left(j, channels, rows);
    for (int64_t panel = 0; panel < panels_of(j->columns); panel++) {
        sum_panel right = panel_at(j, panel * PANEL);
        int64_t asked = 0;
        for (int64_t i = 0; i < strips; i++) {
            strip s = strip_of(j, channels, i);
            place.first = s.left;
            place.height = s.height;
            place.c = c + s.row * place.ldc + panel * PANEL;
            place.ahead = ahead_of(j, tap, i, panel, &asked);
            MATH(sum_tile)(j->chunk, rows, &right, &place);
            place.waiting += place.height * PANEL;
        }
    }
    return place.waiting;
}

static int64_t first_row(const windows *g, const row_chunk *chunk) {
    return chunk->pieces->sample * g->h + chunk->pieces->row * g->stride_h;
}

void MATH(taps_sum)(const windows *g, const math_lanes *lanes, int number, int64_t n, const float *x, const float *b, int64_t ldb, float *c,
                    int64_t ldc, float *scratch) {
    block own = block_of(g, n, number);
    float *right = scratch, *left = right + packed_right(g), *waiting = left + packed_left(g);
    row_chunk chunk = {.most = chunk_rows(g)};
    for (bool more = MATH(next_chunk)(lanes, g->oh, &chunk); more;) {
        row_chunk next = chunk;
        more = MATH(next_chunk)(lanes, g->oh, &next);
        job j = {g, &chunk, x + own.channel, b + chunk.first * g->ow * ldb + own.column, ldb, own.columns, .right = right, .left = left};
        if (more)
            j.left_ahead = (first_row(g, &next) - first_row(g, &chunk)) * g->w * g->pixel;
        pack_right(&j);
        sum_place place = {.waiting = waiting, .level = level_floats(g, &own), .ldc = ldc};
        for (int64_t tap = 0; tap < g->kh * g->kw; tap++)
            place.waiting = add_tap(&j, tap, own.channels, place, c + (tap * g->channels + own.channel) * ldc + own.column);
        chunk = next;
    }
}
