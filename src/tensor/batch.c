/* The memory of a batch: of every field, the samples of all lanes one after the other. */
#include "tensor/field.h"

enum { ALIGNMENT = 64 };

static size_t padded(size_t bytes) {
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

size_t batch_store_bytes(const field *fields, int n_fields, int64_t samples) {
    size_t total = padded((size_t)samples);
    for (int f = 0; f < n_fields; f++)
        total += padded(mem_product((size_t)samples, field_bytes(&fields[f])));
    return total;
}

void batch_store_init(batch_store *b, const field *fields, int n_fields, int n_lanes, int64_t samples, void *memory) {
    size_t lanes = (size_t)n_lanes, count = (size_t)n_fields;
    *b = (batch_store){.n_fields = n_fields, .n_lanes = n_lanes, .present = memory};
    b->bytes = mem_new(count, sizeof *b->bytes);
    b->samples = mem_new(count, sizeof *b->samples);
    b->lane_data = mem_new(mem_product(count, lanes), sizeof *b->lane_data);
    b->field_data = mem_new(count, sizeof *b->field_data);
    b->lane_present = mem_new(lanes, sizeof *b->lane_present);
    b->batch = (batch){.data = b->field_data, .present = b->lane_present};
    char *next = (char *)memory + padded((size_t)samples);
    for (size_t f = 0; f < count; f++) {
        b->bytes[f] = field_bytes(&fields[f]);
        b->field_data[f] = b->lane_data + f * lanes;
        b->samples[f] = next;
        next += padded((size_t)samples * b->bytes[f]);
    }
}

void batch_store_reset(batch_store *b) {
    mem_free(b->bytes);
    mem_free(b->samples);
    mem_free(b->lane_data);
    mem_free(b->field_data);
    mem_free(b->lane_present);
    *b = (batch_store){0};
}

void batch_store_lay_out(batch_store *b, const int64_t *bounds) {
    for (int lane = 0; lane < b->n_lanes; lane++) {
        for (int f = 0; f < b->n_fields; f++)
            b->lane_data[f * b->n_lanes + lane] = batch_store_at(b, f, bounds[lane]);
        b->lane_present[lane] = b->present + bounds[lane];
    }
}

void *batch_store_at(const batch_store *b, int field, int64_t sample) {
    return b->samples[field] + (size_t)sample * b->bytes[field];
}
