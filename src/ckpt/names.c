/* The tensors of a file under PyTorch's names, in our files and in those that others wrote: `/model/fc.weight`, `/fc.weight`,
 * `/state_dict/fc/weight`, `/module.fc.weight`. */
#include <stdlib.h>
#include <string.h>

#include "ckpt/internal.h"

static int by_name(const void *a, const void *b) {
    const tensor_place *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* A dataset that came before under another name is a tensor that two layers share. */
static err add_tensor(void *context, h5_file *f, const char *object, h5_kind kind) {
    tensor_places *t = context;
    bool is_group = kind == H5_GROUP || (kind == H5_SEEN && h5_is_group(f, object));
    if (is_group || kind == H5_TYPE || !h5_exists(f, object))
        return OK;
    size_t above = strlen(t->group);
    tensor_place place = {mem_string(object + above + (object[above] == '/')), mem_string(object)};
    for (char *c = place.name; *c; c++)
        if (*c == '/')
            *c = '.';
    t->list = mem_resize(t->list, t->count + 1, sizeof *t->list);
    t->list[t->count++] = place;
    return OK;
}

err ckpt_find_tensors(h5_file *f, const char *group, tensor_places *found) {
    *found = (tensor_places){.group = group};
    err code = h5_walk(f, group, add_tensor, found);
    if (code == OK && found->count > 0)
        qsort(found->list, found->count, sizeof *found->list, by_name);
    return code;
}

void ckpt_tensors_reset(tensor_places *t) {
    for (size_t i = 0; i < t->count; i++) {
        mem_free(t->list[i].name);
        mem_free(t->list[i].object);
    }
    mem_free(t->list);
    *t = (tensor_places){0};
}

const char *ckpt_tensor_object(const tensor_places *t, const char *name) {
    tensor_place key = {.name = (char *)(uintptr_t)name};
    const tensor_place *found = t->count ? bsearch(&key, t->list, t->count, sizeof *t->list, by_name) : NULL;
    return found ? found->object : NULL;
}

static bool ends_with(const char *name, const char *end) {
    size_t n = strlen(name), m = strlen(end);
    return n >= m && strcmp(name + n - m, end) == 0;
}

/* How many tensors have a name of the model behind the first `length` chars of `prefix`. */
static int count_known(const tensor_places *t, const graph *g, const char *prefix, size_t length) {
    int known = 0;
    for (size_t i = 0; i < t->count; i++)
        known += strncmp(t->list[i].name, prefix, length) == 0 && graph_find_param(g, t->list[i].name + length);
    return known;
}

void ckpt_strip_prefix(tensor_places *t, const graph *g) {
    const char *first = graph_n_params(g) > 0 ? graph_param(g, 0)->name : "";
    const char *prefix = "";
    size_t length = 0;
    int most = count_known(t, g, "", 0);
    for (size_t i = 0; i < t->count; i++) {
        const char *name = t->list[i].name;
        size_t before = strlen(name) - (ends_with(name, first) ? strlen(first) : strlen(name));
        int known = before > 0 && name[before - 1] == '.' ? count_known(t, g, name, before) : 0;
        if (known > most) {
            most = known;
            prefix = name;
            length = before;
        }
    }
    char *kept = mem_string(prefix);
    for (size_t i = 0; i < t->count && length > 0; i++)
        if (strncmp(t->list[i].name, kept, length) == 0)
            memmove(t->list[i].name, t->list[i].name + length, strlen(t->list[i].name + length) + 1);
    mem_free(kept);
    if (length > 0)
        qsort(t->list, t->count, sizeof *t->list, by_name);
}

const char *ckpt_weights_group(h5_file *f) {
    static const char *const usual[] = {"model", "state_dict", "model_state_dict"};
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (h5_exists(f, usual[i]) && h5_is_group(f, usual[i]))
            return usual[i];
    return "/";
}

bool ckpt_holds_weights(h5_file *f) {
    tensor_places found;
    bool any = false;
    if (ckpt_find_tensors(f, ckpt_weights_group(f), &found) == OK)
        for (size_t i = 0; i < found.count && !any; i++)
            any = ends_with(found.list[i].name, "weight");
    ckpt_tensors_reset(&found);
    return any;
}
