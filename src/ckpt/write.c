/* Writing a checkpoint, so that a file under its final name is whole: under another name beside it first, closed, opened again, every
 * checksum compared, then renamed, and the folder synced. */
#include <unistd.h>

#include "ckpt/internal.h"

/* ---- what is written ---- */

ckpt_state ckpt_state_of(graph *g, optim *o) {
    ckpt_state s = {.graph = g, .optim = o, .values = graph_values(g)};
    for (int slot = 0; o && slot < optim_n_slots(o); slot++)
        s.slots[slot] = optim_slot(o, slot);
    return s;
}

static err write_values(h5_file *f, const char *group, const param *p, const float *memory) {
    char *object = text_format("%s/%s", group, p->name);
    float *plain = p->layout == LAYOUT_PLAIN ? NULL : mem_new((size_t)p->size, sizeof *plain);
    if (plain)
        param_to_plain(p, memory, plain);
    err code = ckpt_write_tensor(f, object, H5_F32, p->dims, plain ? plain : memory);
    mem_free(plain);
    mem_free(object);
    return code;
}

static err write_counter(h5_file *f, const param *p, int64_t counter) {
    char *object = text_format("model/%s", p->name);
    err code = ckpt_write_tensor(f, object, H5_I64, (dims){0}, &counter);
    mem_free(object);
    return code;
}

static err write_model(h5_file *f, const ckpt_state *s) {
    const graph *g = s->graph;
    err code = h5_make_group(f, "model");
    for (int i = 0; i < graph_n_params(g) && code == OK; i++) {
        const param *p = graph_param(g, i);
        int64_t place = p->offset + (param_is_trained(p) ? 0 : graph_trained_size(g));
        if (p->role == PARAM_COUNTER)
            code = write_counter(f, p, s->counters ? s->counters[i] : p->counter);
        else
            code = write_values(f, "model", p, s->values + place);
    }
    return code;
}

static err write_slot(h5_file *f, const ckpt_state *s, int slot) {
    char *group = text_format("optimizer/%s", optim_slot_name(s->optim, slot));
    err code = h5_make_group(f, group);
    for (int i = 0; i < graph_n_params(s->graph) && code == OK; i++) {
        const param *p = graph_param(s->graph, i);
        if (param_is_trained(p))
            code = write_values(f, group, p, s->slots[slot] + p->offset);
    }
    mem_free(group);
    return code;
}

static err write_all(h5_file *f, const ckpt_state *s, const ckpt_info *info) {
    int64_t version = CKPT_VERSION;
    err code = h5_write_attribute_text(f, "/", "format", "shoal-checkpoint");
    if (code == OK)
        code = h5_write_attribute(f, "/", "version", H5_I64, 0, &version);
    if (code == OK)
        code = write_model(f, s);
    for (int slot = 0; s->optim && slot < optim_n_slots(s->optim) && code == OK; slot++)
        code = write_slot(f, s, slot);
    if (code == OK)
        code = ckpt_write_info(f, info);
    return code == OK ? ckpt_write_provenance(f) : code;
}

static err write_file(const char *path, const ckpt_state *s, const ckpt_info *info) {
    h5_file *f = NULL;
    err code = h5_create(&f, path);
    if (code != OK)
        return code;
    code = write_all(f, s, info);
    if (code != OK)
        h5_close(f);
    return code == OK ? h5_finish(f) : code;
}

/* ---- where it is written ---- */

static err verify_written(const char *temporary, const char *path) {
    if (ckpt_verify(temporary) == OK)
        return OK;
    err_last()->code = ERR_IO;
    return err_prefix("%s: what was written reads back otherwise, is the disk in order?", path);
}

err ckpt_write(const char *path, const ckpt_state *state, const ckpt_info *info, ckpt_gate gate) {
    char *temporary = ckpt_temporary(path);
    err code = write_file(temporary, state, info);
    if (code != OK)
        err_prefix("%s", path);
    if (code == OK)
        code = verify_written(temporary, path);
    err shut = gate.open ? gate.open(gate.context) : OK;
    if (code == OK && shut == OK)
        code = ckpt_replace(path, temporary);
    if (code != OK && shut == OK)
        unlink(temporary);
    mem_free(temporary);
    return shut != OK ? shut : code;
}
