/* Rows of the lanes in chunks: short lanes several at once, long ones in pieces. Where a lane is cut depends on its own length only, so its
 * sum is the same bits whatever lanes share a call with it. */
#include "math/kernels/gemm.h"

static int64_t most_rows(const row_chunk *chunk) {
    return chunk->most ? chunk->most : CHUNK_ROWS;
}

/* A lane's pieces are whole samples, several together where they are short; or equal parts of a sample where it is long. */
typedef struct cuts {
    int64_t samples, sample_rows;
    int64_t pieces, parts; /* of the lane, of each sample; one of them is 1, or both */
} cuts;

static cuts cuts_of(int64_t samples, int64_t sample_rows, int64_t most) {
    cuts c = {samples, sample_rows, 1, 1};
    if (sample_rows > most)
        c.parts = (sample_rows + most - 1) / most;
    int64_t together = c.parts > 1 ? 1 : most / (sample_rows ? sample_rows : 1);
    c.pieces = samples > 0 ? (samples + together - 1) / together : 1;
    return c;
}

static row_piece piece_of(const math_lanes *lanes, int64_t sample_rows, const row_chunk *chunk) {
    int64_t first = lanes->bounds[chunk->next_lane], samples = lanes->bounds[chunk->next_lane + 1] - first;
    cuts c = cuts_of(samples, sample_rows, most_rows(chunk));
    int64_t number = chunk->next_piece / c.parts, part = chunk->next_piece % c.parts;
    int64_t from = samples * number / c.pieces, to = samples * (number + 1) / c.pieces;
    int64_t row = sample_rows * part / c.parts, end = sample_rows * (part + 1) / c.parts;
    return (row_piece){
        .rows = (to - from) * (end - row),
        .sample = first + from,
        .row = row,
        .first = chunk->next_piece == 0,
        .merges = chunk->next_piece + 1 < c.pieces * c.parts ? -1 : lanes->merges[chunk->next_lane],
    };
}

/* Takes the piece in if there is room. */
static bool take(row_chunk *chunk, row_piece piece) {
    if (chunk->count == CHUNK_PIECES || (chunk->count > 0 && chunk->rows + piece.rows > most_rows(chunk)))
        return false;
    chunk->pieces[chunk->count++] = piece;
    chunk->rows += piece.rows;
    return true;
}

bool MATH(next_chunk)(const math_lanes *lanes, int64_t sample_rows, row_chunk *chunk) {
    if (chunk->last)
        return false;
    chunk->first = chunk->next_lane == 0 && chunk->next_piece == 0 ? lanes->bounds[0] * sample_rows : chunk->first + chunk->rows;
    chunk->rows = 0;
    chunk->count = 0;
    chunk->depth = chunk->next_depth;
    while (chunk->next_lane < lanes->count) {
        row_piece piece = piece_of(lanes, sample_rows, chunk);
        if (!take(chunk, piece))
            return true;
        chunk->next_piece++;
        if (piece.merges >= 0) {
            chunk->next_depth += 1 - piece.merges;
            chunk->next_lane++;
            chunk->next_piece = 0;
        }
    }
    chunk->last = true;
    return true;
}
