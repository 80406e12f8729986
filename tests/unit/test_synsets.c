/* The devkit's table of classes: read from bytes made here after the format's description, and from the same bytes damaged anywhere.
 * What scipy writes is read in tests/cli/test_pack_imagenet.py. */
#include <stdlib.h>
#include <string.h>

#include "pack/synsets.h"
#include "suite.h"

enum { ROOM = 4096 };

typedef struct bytes {
    uint8_t at[ROOM];
    size_t n;
} bytes;

static void put_u32(bytes *b, uint32_t word) {
    for (int i = 0; i < 4; i++)
        b->at[b->n++] = (uint8_t)(word >> (8 * i));
}

/* A tag, the data, and zeros up to a multiple of 8. */
static void put_element(bytes *b, uint32_t type, const void *data, size_t n) {
    put_u32(b, type);
    put_u32(b, (uint32_t)n);
    memcpy(b->at + b->n, data, n);
    b->n += (n + 7) / 8 * 8;
}

/* A matrix's flags, sizes and name; `data` are the elements that follow. */
static void put_matrix(bytes *b, uint32_t class, int32_t rows, int32_t columns, const char *name, const bytes *data) {
    static bytes inside;
    inside = (bytes){.n = 0};
    put_element(&inside, 6, (uint32_t[]){class, 0}, 8);
    put_element(&inside, 5, (int32_t[]){rows, columns}, 8);
    put_element(&inside, 1, name, strlen(name));
    memcpy(inside.at + inside.n, data->at, data->n);
    inside.n += data->n;
    put_element(b, 14, inside.at, inside.n);
}

static void put_text(bytes *b, const char *text) {
    bytes data = {.n = 0};
    uint16_t wide[32];
    for (size_t i = 0; text[i]; i++)
        wide[i] = (uint8_t)text[i];
    put_element(&data, 4, wide, 2 * strlen(text));
    put_matrix(b, 4, 1, (int32_t)strlen(text), "", &data);
}

/* A double as MATLAB stores a small whole number: one byte, within the tag. */
static void put_number(bytes *b, uint8_t number) {
    bytes data = {.n = 0};
    put_u32(&data, 1 << 16 | 2);
    put_u32(&data, number);
    put_matrix(b, 6, 1, 1, "", &data);
}

/* synsets(1) = {3, n00000003}, synsets(2) = {1, n00000001}. */
static void make_file(bytes *file) {
    static bytes fields;
    fields = (bytes){.n = 0};
    put_u32(&fields, 4 << 16 | 5);
    put_u32(&fields, 16);
    put_element(&fields, 1, "ILSVRC2012_ID\0\0\0WNID\0\0\0\0\0\0\0\0\0\0\0", 32);
    put_number(&fields, 3);
    put_text(&fields, "n00000003");
    put_number(&fields, 1);
    put_text(&fields, "n00000001");
    *file = (bytes){.n = 128};
    memcpy(file->at + 124, "\0\1IM", 4);
    put_matrix(file, 2, 2, 1, "synsets", &fields);
}

START_TEST(reads_the_table) {
    static bytes file;
    char **wnids;
    int count;
    make_file(&file);
    ck_assert_int_eq(synsets_read(file.at, file.n, &wnids, &count), OK);
    ck_assert_int_eq(count, 3);
    ck_assert_str_eq(wnids[0], "n00000001");
    ck_assert_ptr_null(wnids[1]);
    ck_assert_str_eq(wnids[2], "n00000003");
    mem_free_strings(wnids, (size_t)count);
}
END_TEST

/* Every byte is changed, and the file cut at every byte: whatever comes of it, nothing is read that is not there. */
START_TEST(survives_damage) {
    static bytes file;
    make_file(&file);
    for (size_t i = 0; i < file.n; i++)
        for (int bit = 0; bit < 9; bit++) {
            size_t n = bit < 8 ? file.n : i;
            uint8_t *copy = malloc(n + 1); /* a block of its own, so that a checker sees a step beyond */
            char **wnids;
            int count;
            ck_assert_ptr_nonnull(copy);
            memcpy(copy, file.at, n);
            if (bit < 8)
                copy[i] ^= (uint8_t)(1 << bit);
            synsets_read(copy, n, &wnids, &count);
            mem_free_strings(wnids, (size_t)count);
            free(copy);
        }
    err_clear();
}
END_TEST

START_TEST(refuses_other_files) {
    char **wnids;
    int count;
    ck_assert_int_eq(synsets_read((const uint8_t *)"MATLAB", 6, &wnids, &count), ERR_DATA);
    static uint8_t empty[128];
    memcpy(empty + 124, "\0\1IM", 4);
    ck_assert_int_eq(synsets_read(empty, sizeof empty, &wnids, &count), ERR_DATA);
    ck_assert_ptr_nonnull(strstr(err_last()->text, "synsets"));
}
END_TEST

int main(void) {
    TCase *c = suite_case("synsets");
    tcase_add_test(c, reads_the_table);
    tcase_add_test(c, survives_damage);
    tcase_add_test(c, refuses_other_files);
    return suite_run();
}
