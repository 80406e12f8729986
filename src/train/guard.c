/* A guarded engine: whether a step may change the state is known before it does. */
#include <string.h>

#include "train/engine.h"
#include "train/scan.h"

struct guard {
    arena before;      /* the running statistics, laid out as graph_fixed() */
    int64_t *counters; /* [param] */
};

err guard_new(guard **out, graph *g) {
    *out = mem_new(1, sizeof **out);
    (*out)->counters = mem_new((size_t)graph_n_params(g), sizeof *(*out)->counters);
    return arena_init(&(*out)->before, (size_t)graph_fixed_size(g) * sizeof(float), "running statistics, kept for train.on_nonfinite,");
}

void guard_free(guard *g) {
    if (!g)
        return;
    arena_reset(&g->before);
    mem_free(g->counters);
    mem_free(g);
}

bool guard_gradients(const engine *e) {
    return scan_floats(e->grads[0], graph_trained_size(e->model->graph), NULL).finite;
}

bool guard_weights(const engine *e) {
    return scan_floats(graph_values(e->model->graph), graph_trained_size(e->model->graph), NULL).finite;
}

/* Frozen parameters lie among them, but never change. */
static void copy_statistics(const engine *e, bool back) {
    graph *g = e->model->graph;
    float *before = (float *)(void *)e->guard->before.base;
    for (int i = 0; i < graph_n_params(g); i++) {
        param *p = graph_param(g, i);
        if (p->role == PARAM_BUFFER)
            memcpy(back ? p->value : before + p->offset, back ? before + p->offset : p->value, (size_t)p->size * sizeof(float));
        else if (p->role == PARAM_COUNTER)
            *(back ? &p->counter : &e->guard->counters[i]) = back ? e->guard->counters[i] : p->counter;
    }
}

bool guard_commit(engine *e) {
    graph *g = e->model->graph;
    copy_statistics(e, false);
    graph_commit(e->run);
    bool finite = scan_floats(graph_fixed(g), graph_fixed_size(g), NULL).finite;
    if (!finite)
        copy_statistics(e, true);
    return finite;
}
