/* C = Σ_lanes windowsᵀ · B. A tile of C is some columns of the windows of one kernel row, by one panel; it reads the windows where they are
 * laid out, row after row of windows, as many as a chunk of rows (gemm_rows.c) holds. */
#include "math/kernels/windows.h"

/* A chunk is several images where they are small, else rows of windows of one. */
static int64_t chunk_rows(const windows *g) {
    int64_t rows = CHUNK_ROWS / g->ow;
    return rows > 1 ? rows : 1;
}

/* A stretch of the matrix's rows that lies in one piece of a window. */
static int64_t piece_floats(const windows *g) {
    return joined_taps(g) * g->channels;
}

static int64_t pieces(const windows *g) {
    return g->kh * g->kw / joined_taps(g);
}

int64_t MATH(window_tiles)(const windows *g) {
    return pieces(g) * tiles_of(piece_floats(g));
}

static int64_t laid_floats(const windows *g) {
    int64_t rows = chunk_rows(g);
    if (rows < g->oh) { /* perhaps in several pieces, each with rows of its own above and below */
        layout l = MATH(layout_of)(g, 1);
        int64_t apart = l.image > l.row ? math_min(rows, CHUNK_PIECES) : 1;
        return apart * l.image + (rows - apart) * l.row;
    }
    return rows / g->oh * MATH(layout_of)(g, g->oh).image;
}

static int64_t chunk_places(const windows *g) {
    return chunk_rows(g) * g->ow;
}

int64_t MATH(windows_sum_floats)(const windows *g, tile_range tiles, int64_t n, int levels) {
    int64_t rows = (tiles.last - tiles.first) * TILE_ROWS;
    return laid_floats(g) + packed_floats(chunk_places(g), n) + waiting_floats(rows, n, levels);
}

/* Lays out a chunk's planes and says where a tile at the window's first float finds each piece. */
static void lay_chunk(const windows *g, const row_chunk *chunk, const float *x, float *laid, sum_rows *rows) {
    int64_t first = 0;
    for (int i = 0; i < chunk->count; i++) {
        row_piece piece = chunk->pieces[i];
        bool whole = piece.rows % g->oh == 0 && piece.row == 0;
        window_rows part = {piece.sample, whole ? piece.rows / g->oh : 1, piece.row, whole ? g->oh : piece.rows};
        layout l = MATH(layout_of)(g, part.rows);
        MATH(lay_out)(g, part, x, laid);
        rows[i] = (sum_rows){.steps = g->ow,
                             .segments = part.rows,
                             .groups = part.images,
                             .a = laid,
                             .a_step = l.place,
                             .a_segment = l.row,
                             .a_group = l.image,
                             .b = first,
                             .b_segment = g->ow,
                             .b_group = g->oh * g->ow};
        laid += part.images * l.image;
        first += piece.rows * g->ow;
    }
}

/* Tile number i of the matrix's rows. */
typedef struct place_of_tile {
    int64_t row, height;             /* in the matrix */
    int64_t kernel_row, tap, column; /* in the window */
} place_of_tile;

static place_of_tile find_tile(const windows *g, int64_t i) {
    int64_t floats = piece_floats(g), tiles = tiles_of(floats), low = floats / tiles, taller = floats % tiles;
    int64_t piece = i / tiles, number = i % tiles, taps = g->kw / joined_taps(g);
    int64_t column = number * low + math_min(number, taller);
    return (place_of_tile){piece * floats + column, low + (number < taller), piece / taps, piece % taps, column};
}

/* All panels for one tile before the next: its columns of A are far apart, those of a panel one after the other. */
static void add_chunk(const windows *g, const row_chunk *chunk, tile_range tiles, int64_t n, const sum_rows *rows, const float *b,
                      sum_place place, float *c) {
    layout l = MATH(layout_of)(g, 1);
    for (int64_t i = tiles.first; i < tiles.last; i++) {
        place_of_tile at = find_tile(g, i);
        place.first = at.kernel_row * l.kernel_row + at.tap * l.tap + at.column;
        place.height = at.height;
        for (int64_t column = 0; column < n; column += PANEL) {
            place.c = c + at.row * place.ldc + column;
            MATH(sum_tile)
            (chunk, rows, &(sum_panel){b + column * chunk->rows * g->ow, PANEL, math_min(PANEL, n - column)}, &place);
            place.waiting += at.height * PANEL;
        }
    }
}

void MATH(windows_sum)(const windows *g, const math_lanes *lanes, tile_range tiles, int64_t n, const float *x, const float *b, int64_t ldb,
                       float *c, int64_t ldc, float *scratch) {
    float *laid = scratch, *packed = laid + laid_floats(g), *waiting = packed + packed_floats(chunk_places(g), n);
    sum_place place = {.waiting = waiting, .level = waiting_floats((tiles.last - tiles.first) * TILE_ROWS, n, 1), .ldc = ldc};
    for (row_chunk chunk = {.most = chunk_rows(g)}; MATH(next_chunk)(lanes, g->oh, &chunk);) {
        sum_rows rows[CHUNK_PIECES];
        lay_chunk(g, &chunk, x, laid, rows);
        MATH(pack)(chunk.rows * g->ow, n, b + chunk.first * g->ow * ldb, ldb, 1, packed);
        add_chunk(g, &chunk, tiles, n, rows, packed, place, c);
    }
}
