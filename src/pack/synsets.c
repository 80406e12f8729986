/* The devkit's table of classes, a struct array `synsets` in a MATLAB file (MAT-File Format, version 5, MathWorks). Only what this one
 * file needs: the library for such files brings an HDF5 of its own into the process, and two of them do not get along. */
#include "pack/synsets.h"

#include <stdbool.h>
#include <string.h>
#include <zlib.h>

enum { HEADER = 128, VARIABLES_MOST = 64, INFLATED_MOST = 1 << 26, ID_MOST = 1 << 16 };
enum { MI_INT8 = 1, MI_UINT8, MI_INT16, MI_UINT16, MI_INT32, MI_UINT32, MI_DOUBLE = 9, MI_MATRIX = 14, MI_COMPRESSED, MI_UTF8 };
enum { CLASS_STRUCT = 2 };

typedef struct span {
    const uint8_t *at, *end;
} span;

typedef struct element {
    uint32_t type;
    span data;
} element;

static uint32_t read_u32(const uint8_t *at) {
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* Takes one element off the front: a tag of 8 bytes and data padded to 8, or up to 4 bytes within the tag. */
static bool next_element(span *s, element *e) {
    if (s->end - s->at < 8)
        return false;
    uint32_t type = read_u32(s->at), small = type >> 16, bytes = small ? small : read_u32(s->at + 4);
    const uint8_t *data = s->at + (small ? 4 : 8);
    if (bytes > (size_t)(s->end - data))
        return false;
    *e = (element){type & 0xFFFF, {data, data + bytes}};
    size_t padded = e->type == MI_COMPRESSED ? bytes : (bytes + 7) & ~(size_t)7;
    if (small)
        s->at += 8;
    else
        s->at = padded > (size_t)(s->end - data) ? s->end : data + padded;
    return true;
}

/* What stands before the content of every matrix: flags, sizes, name. */
typedef struct matrix {
    int class;
    uint32_t count;
    span name, content;
} matrix;

static bool open_matrix(element e, matrix *m) {
    element flags, sizes, name;
    if (e.type != MI_MATRIX || !next_element(&e.data, &flags) || !next_element(&e.data, &sizes) || !next_element(&e.data, &name))
        return false;
    if (flags.data.end - flags.data.at < 8)
        return false;
    *m = (matrix){.class = flags.data.at[0], .count = 1, .name = name.data, .content = e.data};
    for (const uint8_t *at = sizes.data.at; at + 4 <= sizes.data.end; at += 4)
        m->count = m->count && read_u32(at) > ID_MOST / m->count ? ID_MOST : m->count * read_u32(at);
    return true;
}

static bool is_named(span name, const char *text) {
    return (size_t)(name.end - name.at) == strlen(text) && memcmp(name.at, text, strlen(text)) == 0;
}

static size_t number_width(uint32_t type) {
    static const size_t widths[] = {
        [MI_INT8] = 1, [MI_UINT8] = 1, [MI_INT16] = 2, [MI_UINT16] = 2, [MI_INT32] = 4, [MI_UINT32] = 4, [MI_DOUBLE] = 8, [MI_UTF8] = 1};
    return type < sizeof widths / sizeof *widths ? widths[type] : 0;
}

/* A scalar that is a whole number; 0 for anything else. */
static int read_id(element e) {
    matrix m;
    element data;
    if (!open_matrix(e, &m) || !next_element(&m.content, &data))
        return 0;
    size_t width = number_width(data.type), bytes = (size_t)(data.data.end - data.data.at);
    if (width == 0 || bytes < width)
        return 0;
    double real = 0;
    uint8_t word[4] = {0};
    if (data.type == MI_DOUBLE)
        memcpy(&real, data.data.at, sizeof real);
    else {
        memcpy(word, data.data.at, width);
        real = read_u32(word);
    }
    return real >= 1 && real <= ID_MOST ? (int)real : 0;
}

/* Characters of one or two bytes, plain ASCII; NULL for anything else. */
static char *read_word(element e) {
    matrix m;
    element data;
    if (!open_matrix(e, &m) || !next_element(&m.content, &data))
        return NULL;
    size_t width = number_width(data.type), count = width ? (size_t)(data.data.end - data.data.at) / width : 0;
    if (count == 0 || width > 2)
        return NULL;
    char *text = mem_new(count + 1, 1);
    for (size_t i = 0; i < count; i++)
        text[i] = (char)data.data.at[i * width];
    return text;
}

typedef struct table {
    char **wnids;
    int count;
} table;

static void put(table *t, int id, char *wnid) {
    if (id == 0 || !wnid) {
        mem_free(wnid);
        return;
    }
    if (id > t->count) {
        t->wnids = mem_resize(t->wnids, (size_t)id, sizeof *t->wnids);
        memset(t->wnids + t->count, 0, (size_t)(id - t->count) * sizeof *t->wnids);
        t->count = id;
    }
    mem_free(t->wnids[id - 1]);
    t->wnids[id - 1] = wnid;
}

/* Names of fields, `length` bytes each, then for every struct of the array its fields in that order. */
static void read_structs(matrix m, table *t) {
    element lengths, names, value;
    if (!next_element(&m.content, &lengths) || !next_element(&m.content, &names) || lengths.data.end - lengths.data.at < 4)
        return;
    uint32_t length = read_u32(lengths.data.at);
    if (length == 0 || length > (size_t)(names.data.end - names.data.at))
        return;
    size_t fields = (size_t)(names.data.end - names.data.at) / length;
    for (uint32_t i = 0; i < m.count; i++) {
        int id = 0;
        char *wnid = NULL;
        for (size_t f = 0; f < fields && next_element(&m.content, &value); f++) {
            const char *name = (const char *)names.data.at + f * length;
            if (strncmp(name, "ILSVRC2012_ID", length) == 0)
                id = read_id(value);
            else if (strncmp(name, "WNID", length) == 0 && !wnid)
                wnid = read_word(value);
        }
        put(t, id, wnid);
    }
}

/* Into a new block; its size is not written anywhere. */
static uint8_t *inflate_all(span packed, size_t *size) {
    for (size_t room = 1 << 20; room <= INFLATED_MOST; room *= 4) {
        uint8_t *bytes = mem_new(room, 1);
        uLongf made = room;
        int status = uncompress(bytes, &made, packed.at, (uLong)(packed.end - packed.at));
        *size = made;
        if (status == Z_OK)
            return bytes;
        mem_free(bytes);
        if (status != Z_BUF_ERROR)
            break;
    }
    return NULL;
}

static void read_variable(element e, table *t) {
    matrix m;
    if (open_matrix(e, &m) && m.class == CLASS_STRUCT && is_named(m.name, "synsets"))
        read_structs(m, t);
}

static void read_compressed(element e, table *t) {
    size_t size;
    uint8_t *bytes = inflate_all(e.data, &size);
    if (!bytes)
        return;
    span inside = {bytes, bytes + size};
    element variable;
    if (next_element(&inside, &variable))
        read_variable(variable, t);
    mem_free(bytes);
}

err synsets_read(const uint8_t *bytes, size_t n_bytes, char ***wnids, int *count) {
    table t = {0};
    *wnids = NULL;
    *count = 0;
    if (n_bytes < HEADER || bytes[126] != 'I' || bytes[127] != 'M')
        return fail(ERR_DATA, "no MATLAB file of version 5");
    span rest = {bytes + HEADER, bytes + n_bytes};
    element e;
    for (int i = 0; i < VARIABLES_MOST && next_element(&rest, &e); i++) {
        if (e.type == MI_COMPRESSED)
            read_compressed(e, &t);
        else
            read_variable(e, &t);
    }
    if (t.count == 0)
        return fail(ERR_DATA, "no table `synsets` with ILSVRC2012_ID and WNID in it");
    *wnids = t.wnids;
    *count = t.count;
    return OK;
}
