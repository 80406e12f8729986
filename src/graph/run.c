/* Execution by lanes: programs are walked step by step; what lanes do alone is shared out among the threads. All lanes finish a step
 * before one begins the next: tensors of all lanes lie side by side, and the next step may use the place of one that ends with this. */
#include <string.h>

#include "graph/run.h"

/* ---- steps that lanes do alone ---- */

typedef struct lane_step {
    const graph_run *run;
    const step *step;
} lane_step;

static void run_lane(void *context, int item, int thread) {
    const lane_step *l = context;
    int lane = l->step->last_first ? l->run->n_lanes - 1 - item : item;
    l->step->function(run_call(l->run, l->step->node, lane), l->run->scratch[thread]);
}

/* ---- steps of nodes that take all samples, or parts of themselves ---- */

typedef struct whole_step {
    const graph_run *run;
    const step *step;
    int parts;
} whole_step;

static void run_prepare_part(void *context, int part, int thread) {
    const whole_step *w = context;
    (void)thread;
    w->step->node->kind->prepare(w->step->node, w->step->backward, part, w->run->prepared.base);
}

static void run_whole_item(void *context, int item, int thread) {
    const whole_step *w = context;
    const graph_run *r = w->run;
    const node *n = w->step->node;
    op_call c = w->parts ? *run_whole_call(r, n) : *run_call(r, n, r->n_lanes + item);
    c.part = w->parts ? item : 0;
    c.prepared = w->step->prepared ? r->prepared.base : NULL;
    w->step->function(&c, r->scratch[thread]);
}

static void run_prepare(const graph_run *r, const step *s) {
    threads_run(s->node->kind->prepare_parts(s->node, s->backward), run_prepare_part, &(whole_step){r, s, 0});
}

static void run_whole(const graph_run *r, const step *s) {
    int parts = s->backward ? s->node->backward_parts : s->node->forward_parts;
    threads_run(parts ? parts : r->n_threads, run_whole_item, &(whole_step){r, s, parts});
}

/* ---- sums over lanes and ranks ---- */

/* In place, the tree over terms[0…count); the sum is in terms[0]. */
static double tree_sum(double *terms, int count) {
    for (int width = 1; width < count; width *= 2)
        for (int i = 0; i + width < count; i += 2 * width)
            terms[i] += terms[i + width];
    return terms[0];
}

static void sum_here(graph_run *r, double *const *lane_sums, int count, double *total) {
    for (int i = 0; i < count; i++) {
        for (int lane = 0; lane < r->n_lanes; lane++)
            r->terms[lane] = lane_sums[lane][i];
        total[i] = tree_sum(r->terms, r->n_lanes);
    }
}

static void sum_everywhere(graph_run *r, double *const *lane_sums, int count, double *total) {
    if (!r->options.hooks.reduce) {
        sum_here(r, lane_sums, count, total);
        return;
    }
    double start = time_now();
    r->options.hooks.reduce(r->options.hooks.context, lane_sums, count, total);
    r->reduce_seconds += time_now() - start;
}

static void list_sums(graph_run *r, double *(*sums_of)(const op_call *), const node *n) {
    for (int lane = 0; lane < r->n_lanes; lane++)
        r->lane_sums[lane] = sums_of(run_call(r, n, lane));
}

static void reduce(graph_run *r, double *(*sums_of)(const op_call *), int count, double *total, const node *n) {
    norm_scope scope = run_scope(r, n);
    if (scope == NORM_LANE)
        return; /* every lane's total is its own sums */
    list_sums(r, sums_of, n);
    if (scope == NORM_GLOBAL)
        sum_everywhere(r, r->lane_sums, count, total);
    else
        sum_here(r, r->lane_sums, count, total);
}

static double *sums_of(const op_call *c) {
    return c->sums;
}

static double *grad_sums_of(const op_call *c) {
    return c->grad_sums;
}

static void offer_grad_sums(graph_run *r, const node *n) {
    const graph_hooks *hooks = &r->options.hooks;
    if (!hooks->offer || run_scope(r, n) != NORM_GLOBAL)
        return;
    list_sums(r, grad_sums_of, n);
    hooks->offer(hooks->context, r->lane_sums, n->n_grad_sums);
}

/* ---- programs ---- */

static void run_step(graph_run *r, const step *s) {
    const node *n = s->node;
    switch (s->kind) {
    case STEP_LANES:
        threads_run(r->n_lanes, run_lane, &(lane_step){r, s});
        break;
    case STEP_REDUCE:
        reduce(r, sums_of, n->n_stats, r->totals + r->sums_offset[n->index], n);
        break;
    case STEP_OFFER_GRAD:
        offer_grad_sums(r, n);
        break;
    case STEP_REDUCE_GRAD:
        reduce(r, grad_sums_of, n->n_grad_sums, r->grad_totals + r->grad_sums_offset[n->index], n);
        break;
    case STEP_PARAM_GRAD:
        run_param_grads(r, n);
        break;
    case STEP_PREPARE:
        run_prepare(r, s);
        break;
    case STEP_WHOLE:
        run_whole(r, s);
        break;
    case STEP_ON_GRAD:
        if (r->options.hooks.on_grad)
            r->options.hooks.on_grad(r->options.hooks.context, s->complete);
        break;
    }
}

static graph_pass pass_of(const graph_run *r, const program *p, const step *s) {
    if (s->kind == STEP_PARAM_GRAD)
        return PASS_PARAM_GRAD;
    return p == &r->backward ? PASS_BACKWARD : PASS_FORWARD;
}

static void run_program(graph_run *r, const program *p) {
    for (int i = 0; i < p->count; i++) {
        const step *s = &p->steps[i];
        double start = r->profile ? time_now() : 0;
        place_work(s->node ? s->node->name : NULL);
        run_step(r, s);
        if (r->suspect)
            run_watch(r, s, p == &r->backward ? r->training.count + i : i);
        if (r->profile && s->node && s->kind != STEP_ON_GRAD)
            r->profile[s->node->index][pass_of(r, p, s)] += time_now() - start;
    }
    place_work(NULL); /* nodes may be freed */
}

static void take_batch(graph_run *r, const batch *b) {
    int n_fields = r->graph->n_fields;
    run_lay_out(r, b->size);
    for (int lane = 0; lane < r->n_lanes; lane++) {
        for (int f = 0; f < n_fields; f++)
            r->fields[lane * n_fields + f] = b->data[f][lane];
        for (int i = 0; i < r->graph->n_nodes; i++)
            run_call(r, r->graph->nodes[i], lane)->present = b->present ? b->present[lane] : NULL;
    }
}

void graph_forward(graph_run *r, const batch *b, bool training) {
    r->state = (op_state){.training = training, .seed = r->options.seed, .step = (uint64_t)b->step, .batch = b->size};
    take_batch(r, b);
    memset(r->sums, 0, sizeof *r->sums * (size_t)(r->n_lanes * r->sums_size));
    run_program(r, training ? &r->training : &r->evaluation);
}

void graph_backward(graph_run *r) {
    memset(r->grad_sums, 0, sizeof *r->grad_sums * (size_t)(r->n_lanes * r->grad_sums_size));
    run_program(r, &r->backward);
}

void graph_commit(graph_run *r) {
    if (r->options.norm != NORM_GLOBAL) { /* lanes normalised apart; the running statistics are still those of the whole batch */
        for (int lane = 0; lane < r->n_lanes; lane++)
            r->lane_sums[lane] = r->sums + lane * r->sums_size;
        sum_everywhere(r, r->lane_sums, r->sums_size, r->pooled);
    }
    const double *pooled = r->options.norm == NORM_GLOBAL ? r->totals : r->pooled;
    for (int i = 0; i < r->graph->n_nodes; i++) {
        const node *n = r->graph->nodes[i];
        if (n->kind->commit)
            n->kind->commit(n, pooled + r->sums_offset[i]);
    }
}
