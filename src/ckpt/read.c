/* Reading parameters and the optimiser's state. Nothing is read before everything fits. */
#include <string.h>

#include "ckpt/internal.h"

/* ---- the head: the last layer with weights ---- */

static const char *last_weight(const graph *g) {
    const char *last = "";
    for (int i = 0; i < graph_n_params(g); i++)
        if (graph_param(g, i)->role == PARAM_WEIGHT)
            last = graph_param(g, i)->name;
    return last;
}

/* `fc.` of `fc.weight`. New string. */
static char *head_prefix(const graph *g) {
    char *prefix = mem_string(last_weight(g)), *dot = strrchr(prefix, '.');
    if (dot)
        dot[1] = '\0';
    return prefix;
}

err ckpt_read_outputs(const char *path, const graph *g, int *outputs) {
    h5_file *f = NULL;
    tensor_places places = {0};
    err code = ckpt_open(&f, path);
    if (code == OK)
        code = ckpt_find_tensors(f, ckpt_weights_group(f), &places);
    if (code == OK) {
        ckpt_strip_prefix(&places, g);
        const char *object = ckpt_tensor_object(&places, last_weight(g));
        h5_info info;
        if (object && h5_get_info(f, object, &info) == OK && info.rank > 0 && info.size[0] > 0 && info.size[0] <= INT32_MAX)
            *outputs = (int)info.size[0];
    }
    ckpt_tensors_reset(&places);
    return ckpt_close(f, code);
}

/* What is to be read: a group of the file into values of the graph's parameters. */
typedef struct wanted {
    graph *graph;
    const char *group;
    tensor_places places; /* what the file has there */
    const char *head; /* prefix of names that are left alone, or NULL */
    optim *optim;     /* its slot, or NULL: the parameters themselves */
    int slot;
} wanted;

static bool is_head(const wanted *w, const char *name) {
    return w->head && strncmp(name, w->head, strlen(w->head)) == 0;
}

static bool is_wanted(const wanted *w, const param *p) {
    return w->optim ? param_is_trained(p) : !is_head(w, p->name);
}

static bool is_known(const wanted *w, const char *name) {
    const param *p = graph_find_param(w->graph, name);
    return is_head(w, name) || (p && is_wanted(w, p));
}

/* ---- checking, then reading ---- */

static err check_fit(h5_file *f, const wanted *w) {
    fit result = {0};
    for (int i = 0; i < graph_n_params(w->graph); i++) {
        const param *p = graph_param(w->graph, i);
        if (is_wanted(w, p))
            ckpt_fit_param(&result, f, ckpt_tensor_object(&w->places, p->name), p);
    }
    for (size_t i = 0; i < w->places.count; i++)
        if (!is_known(w, w->places.list[i].name))
            ckpt_fit_unknown(&result, w->places.list[i].name);
    return ckpt_report_fit(&result, h5_path(f), w->group);
}

static err read_values(h5_file *f, const char *object, const param *p, float *memory) {
    float *plain = mem_new((size_t)p->size, sizeof *plain);
    err code = ckpt_read_tensor(f, object, H5_F32, plain);
    if (code == OK)
        code = ckpt_check_values(f, object, plain, p->size);
    if (code == OK)
        param_from_plain(p, plain, memory);
    mem_free(plain);
    return code;
}

static err read_param(h5_file *f, const wanted *w, param *p) {
    const char *object = ckpt_tensor_object(&w->places, p->name);
    if (w->optim)
        return read_values(f, object, p, optim_slot(w->optim, w->slot) + p->offset);
    if (p->role == PARAM_COUNTER)
        return object ? ckpt_read_tensor(f, object, H5_I64, &p->counter) : OK;
    return read_values(f, object, p, p->value);
}

static err read_group(h5_file *f, wanted *w) {
    err code = ckpt_find_tensors(f, w->group, &w->places);
    if (code == OK && !w->optim)
        ckpt_strip_prefix(&w->places, w->graph);
    if (code == OK)
        code = check_fit(f, w);
    for (int i = 0; i < graph_n_params(w->graph) && code == OK; i++)
        if (is_wanted(w, graph_param(w->graph, i)))
            code = read_param(f, w, graph_param(w->graph, i));
    ckpt_tensors_reset(&w->places);
    return code;
}

err ckpt_read_model(const char *path, graph *g, bool replace_head, int *kept) {
    h5_file *f = NULL;
    err code = ckpt_open(&f, path);
    if (code != OK)
        return code;
    char *head = replace_head ? head_prefix(g) : NULL;
    wanted w = {.graph = g, .group = ckpt_weights_group(f), .head = head};
    code = read_group(f, &w);
    if (kept)
        *kept = 0;
    for (int i = 0; kept && i < graph_n_params(g); i++)
        *kept += is_head(&w, graph_param(g, i)->name);
    mem_free(head);
    return ckpt_close(f, code);
}

static err read_slot(h5_file *f, graph *g, optim *o, int slot) {
    char *group = text_format("optimizer/%s", optim_slot_name(o, slot));
    wanted w = {.graph = g, .group = group, .optim = o, .slot = slot};
    err code = h5_exists(f, "optimizer") && h5_exists(f, group)
                   ? read_group(f, &w)
                   : fail(ERR_DATA, "%s: holds no /%s: training cannot go on from it, init.from can begin with it", h5_path(f), group);
    mem_free(group);
    return code;
}

err ckpt_read_optimizer(const char *path, graph *g, optim *o) {
    h5_file *f = NULL;
    err code = ckpt_open(&f, path);
    for (int slot = 0; code == OK && slot < optim_n_slots(o); slot++)
        code = read_slot(f, g, o, slot);
    return ckpt_close(f, code);
}
