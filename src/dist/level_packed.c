/* Slices on their way as 16 bits. They are added up as floats; the sum is rounded once more, for its owner too: all ranks get the same. */
#include "dist/level.h"

static comm_message message_of(uint16_t *words, size_t n, int member) {
    return (comm_message){member, words, (n + 1) * sizeof *words};
}

static int pack_sends(level *v, void *const *in, size_t n) {
    int count = 0, n_mine = v->first_leaf[v->me + 1] - v->first_leaf[v->me];
    for (int m = 0; m < v->size; m++) {
        slice theirs = level_slice(v, n, m);
        for (int b = 0; b < n_mine && m != v->me; b++) {
            uint16_t *words = v->packed + (size_t)count * (v->slice + 1);
            v->narrow->pack(words, (const float *)in[b] + theirs.first, theirs.count);
            v->sends[count++] = message_of(words, theirs.count, m);
        }
    }
    return count;
}

static uint16_t *place_received(const level *v, int message) {
    return v->packed_received + (size_t)message * (v->slice + 1);
}

void level_scatter_packed(level *v, void *const *in, size_t n) {
    slice mine = level_slice(v, n, v->me);
    int n_sends = pack_sends(v, in, n), count = 0;
    for (int m = 0; m < v->size; m++)
        for (int leaf = v->first_leaf[m]; leaf < v->first_leaf[m + 1]; leaf++) {
            if (m == v->me) {
                v->leaves[leaf] = (float *)in[leaf - v->first_leaf[m]] + mine.first;
                continue;
            }
            v->leaves[leaf] = v->received + (size_t)count * v->slice;
            v->receives[count] = message_of(place_received(v, count), mine.count, m);
            count++;
        }
    comm_exchange(v->slow, v->sends, n_sends, v->receives, count);
    for (int i = 0; i < count; i++)
        v->narrow->unpack(v->received + (size_t)i * v->slice, place_received(v, i), mine.count);
}

void level_gather_packed(level *v, float *target, size_t n) {
    slice mine = level_slice(v, n, v->me);
    v->narrow->pack(v->packed, target + mine.first, mine.count);
    int count = 0;
    for (int m = 0; m < v->size; m++)
        if (m != v->me) {
            v->sends[count] = message_of(v->packed, mine.count, m);
            v->receives[count] = message_of(place_received(v, count), level_slice(v, n, m).count, m);
            count++;
        }
    comm_exchange(v->slow, v->sends, count, v->receives, count);
    v->narrow->unpack(target + mine.first, v->packed, mine.count);
    for (int i = 0; i < count; i++) {
        slice theirs = level_slice(v, n, v->receives[i].rank);
        v->narrow->unpack(target + theirs.first, place_received(v, i), theirs.count);
    }
}
