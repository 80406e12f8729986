/* All objects of a file, each once: groups may hold each other, and themselves. */
#include "h5/internal.h"

#include <string.h>

/* What tells objects of one file apart. */
typedef struct identity {
    unsigned char bytes[16];
} identity;

typedef struct walk {
    h5_file *file;
    h5_visitor visit;
    void *context;
    identity *seen; /* a hash table, at most half full */
    bool *taken;
    size_t places, count;
} walk;

enum { DEEPEST = 1000 }; /* groups in groups: of a file for people */

static identity identity_of(hid_t object) {
    identity id = {{0}};
#if H5_VERSION_GE(1, 12, 0)
    H5O_info2_t info;
    if (H5Oget_info3(object, &info, H5O_INFO_BASIC) >= 0)
        memcpy(id.bytes, &info.token, sizeof id.bytes);
#else
    H5O_info_t info;
    if (H5Oget_info(object, &info) >= 0)
        memcpy(id.bytes, &info.addr, sizeof info.addr);
#endif
    return id;
}

/* The identity's place in the table: where it is or where it belongs. */
static size_t find_place(const walk *w, const identity *id) {
    uint64_t words[2];
    memcpy(words, id->bytes, sizeof words);
    size_t place = (size_t)((words[0] ^ words[1]) * 0x9E3779B97F4A7C15u) & (w->places - 1);
    while (w->taken[place] && memcmp(&w->seen[place], id, sizeof *id) != 0)
        place = (place + 1) & (w->places - 1);
    return place;
}

static void grow(walk *w) {
    walk old = *w;
    w->places = old.places ? 2 * old.places : 64;
    w->seen = mem_new(w->places, sizeof *w->seen);
    w->taken = mem_new(w->places, sizeof *w->taken);
    for (size_t i = 0; i < old.places; i++)
        if (old.taken[i]) {
            size_t place = find_place(w, &old.seen[i]);
            w->seen[place] = old.seen[i];
            w->taken[place] = true;
        }
    mem_free(old.seen);
    mem_free(old.taken);
}

static bool is_new(walk *w, hid_t object) {
    if (2 * w->count >= w->places)
        grow(w);
    identity id = identity_of(object);
    size_t place = find_place(w, &id);
    if (w->taken[place])
        return false;
    w->seen[place] = id;
    w->taken[place] = true;
    w->count++;
    return true;
}

static h5_kind kind_of(walk *w, const char *object) {
    hid_t id = h5_exists(w->file, object) ? H5Oopen(w->file->id, object, h5_links()) : H5I_INVALID_HID;
    if (id < 0)
        return H5_NOWHERE;
    H5I_type_t type = H5Iget_type(id);
    h5_kind kind = !is_new(w, id) ? H5_SEEN : type == H5I_GROUP ? H5_GROUP : type == H5I_DATASET ? H5_DATASET : H5_TYPE;
    H5Oclose(id);
    return kind;
}

static err walk_group(walk *w, const char *group, int depth) {
    char **names;
    uint64_t count;
    if (depth > DEEPEST)
        return fail(ERR_DATA, "%s: has groups in groups more than %d deep", w->file->path, DEEPEST);
    err code = h5_list(w->file, group, &names, &count);
    for (uint64_t i = 0; i < count && code == OK; i++) {
        char *object = text_format("%s%s%s", group, group[strlen(group) - 1] == '/' ? "" : "/", names[i]);
        h5_kind kind = kind_of(w, object);
        code = w->visit(w->context, w->file, object, kind);
        if (code == OK && kind == H5_GROUP)
            code = walk_group(w, object, depth + 1);
        mem_free(object);
    }
    mem_free_strings(names, count);
    return code;
}

err h5_walk(h5_file *f, const char *group, h5_visitor visit, void *context) {
    walk w = {.file = f, .visit = visit, .context = context};
    kind_of(&w, group);
    err code = walk_group(&w, group, 0);
    mem_free(w.seen);
    mem_free(w.taken);
    return code;
}
