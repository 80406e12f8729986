/* The table of `shoal bench --layers`. */
#include "train/bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "comm/comm.h"
#include "train/roofline.h"

static const double noticeable = 0.005; /* share of the step from which on a layer without parameters has a line of its own */

/* What a line shows: of one layer, or the sum of several. */
typedef struct line {
    double seconds[N_PASSES];
    double flops[N_PASSES]; /* 0 where operations are not counted */
    double roof;            /* seconds that the machine needs at least for the passes that ran */
} line;

typedef struct table {
    const graph *graph;
    double samples; /* of this rank, in a step */
    const profiled_step *steps;
    int n_steps;
    double *column; /* [step], for medians */
    double step_seconds;
    roofline limits;
    int name_width, kind_width;
} table;

/* ---- what is counted ---- */

static double node_seconds(const table *t, int node, int pass) {
    for (int i = 0; i < t->n_steps; i++)
        t->column[i] = t->steps[i].nodes[node][pass];
    return bench_median(t->column, t->n_steps);
}

/* Inputs, output and parameters once. */
static double bytes_moved(const table *t, const node *n) {
    double activations = (double)shape_size(n->out), params = 0;
    for (int i = 0; i < n->n_inputs; i++)
        activations += (double)shape_size(n->inputs[i]->out);
    for (int i = 0; i < n->n_params; i++)
        params += n->params[i]->role == PARAM_COUNTER ? 0 : (double)n->params[i]->size;
    return (activations * t->samples + params) * sizeof(float);
}

/* A first layer has no gradient of its inputs to compute. */
static bool is_asked_for_dx(const node *n) {
    for (int i = 0; i < n->n_inputs; i++)
        if (n->inputs[i]->needs_grad)
            return true;
    return false;
}

/* Whether the pass has a roof: batch norm's parameter gradients are by-products of its backward pass. */
static bool does_work(const node *n, int pass) {
    if (pass == PASS_PARAM_GRAD)
        return n->kind->flops;
    return pass == PASS_FORWARD || !n->kind->flops || is_asked_for_dx(n);
}

static line measure_node(const table *t, const node *n) {
    line l = {0};
    double flops = n->kind->flops ? n->kind->flops(n) * t->samples : 0;
    for (int pass = 0; pass < N_PASSES; pass++) {
        l.seconds[pass] = node_seconds(t, n->index, pass);
        if (!does_work(n, pass) && n->kind->flops)
            l.seconds[pass] = 0; /* there was nothing but the call */
        if (l.seconds[pass] <= 0 || !does_work(n, pass))
            continue;
        l.flops[pass] = flops;
        l.roof += roofline_seconds(&t->limits, flops, bytes_moved(t, n));
    }
    return l;
}

static void add_line(line *sum, const line *l) {
    for (int pass = 0; pass < N_PASSES; pass++) {
        sum->seconds[pass] += l->seconds[pass];
        sum->flops[pass] += l->flops[pass];
    }
    sum->roof += l->roof;
}

static double all_seconds(const line *l) {
    return l->seconds[PASS_FORWARD] + l->seconds[PASS_BACKWARD] + l->seconds[PASS_PARAM_GRAD];
}

static bool has_own_line(const table *t, const node *n, const line *l) {
    return n->n_params > 0 || all_seconds(l) >= noticeable * t->step_seconds;
}

/* ---- how it is shown ---- */

/* `64x56x56` */
static char *narrow_shape(char out[SHAPE_TEXT], shape s) {
    char *to = shape_text(out, s);
    for (const char *from = out; *from; from++)
        if (*from != ' ')
            *to++ = *from;
    *to = '\0';
    return out;
}

/* The algorithms of the directions that ran; one name where all use the same. */
static void algorithms(char *out, size_t size, const node *n, const line *l) {
    static const math_direction directions[N_PASSES] = {MATH_FORWARD, MATH_BACKWARD_DATA, MATH_BACKWARD_WEIGHT};
    const char *names[N_PASSES];
    int count = 0;
    bool same = true;
    *out = '\0';
    for (int pass = 0; n->kind->algorithm && pass < N_PASSES; pass++)
        if (l->flops[pass] > 0) {
            names[count] = n->kind->algorithm(n, directions[pass]);
            same = same && strcmp(names[count], names[0]) == 0;
            count++;
        }
    for (int i = 0; i < (same && count ? 1 : count); i++) {
        size_t length = strlen(out);
        snprintf(out + length, size - length, "%s%s", i ? ", " : "", names[i]);
    }
}

static void print_pass(double seconds, double flops) {
    if (seconds <= 0)
        printf(" %8s %5s", "-", "-");
    else if (flops <= 0)
        printf(" %8.3f %5s", 1e3 * seconds, "-");
    else
        printf(" %8.3f %5.0f", 1e3 * seconds, 1e-9 * flops / seconds);
}

static void print_row(const table *t, const char *name, const char *kind, const char *out, const line *l, const char *algorithm) {
    printf("%-*s %-*s %-11s", t->name_width, name, t->kind_width, kind, out);
    for (int pass = 0; pass < N_PASSES; pass++)
        print_pass(l->seconds[pass], l->flops[pass]);
    printf(" %6.1f", 100 * all_seconds(l) / t->step_seconds);
    if (l->roof > 0)
        printf(" %5.1f", all_seconds(l) / l->roof);
    printf("%s%s\n", *algorithm ? "  " : "", algorithm);
}

static void print_node(const table *t, const node *n, const line *l) {
    char out[SHAPE_TEXT], algorithm[128];
    algorithms(algorithm, sizeof algorithm, n, l);
    print_row(t, n->name, n->kind->name, narrow_shape(out, n->out), l, algorithm);
}

static void print_head(const table *t, int64_t batch) {
    printf("\nLayers of rank 0 of %d, %d thread%s, %.0f of %" PRId64 " pictures, %s kernels; medians of %d steps of %.2f ms.\n",
           comm_size(comm_world()), threads_count(), text_plural(threads_count()), t->samples, batch, math->isa, t->n_steps,
           1e3 * t->step_seconds);
    printf("Roof: what it takes at least with %.1f GFLOP/s and %.1f GB/s, as measured now, every operand moved once through memory\n"
           "(time / roof below 1: operands still in a cache, or fewer operations than the plain sum's).\n\n",
           1e-9 * t->limits.flops, 1e-9 * t->limits.bytes);
    printf("%-*s %-*s %-11s %14s %14s %14s %6s %5s\n", t->name_width, "", t->kind_width, "", "", "forward", "backward: data", "weights",
           "share", "time/");
    printf("%-*s %-*s %-11s %8s %5s %8s %5s %8s %5s %6s %5s  %s\n", t->name_width, "layer", t->kind_width, "kind", "output", "ms", "GF/s",
           "ms", "GF/s", "ms", "GF/s", "%", "roof", "algorithm");
}

/* What a step takes beside its layers. */
static void print_outside(const table *t, const line *sum) {
    double optimizer, exchange;
    for (int i = 0; i < t->n_steps; i++)
        t->column[i] = t->steps[i].optimizer;
    optimizer = bench_median(t->column, t->n_steps);
    for (int i = 0; i < t->n_steps; i++)
        t->column[i] = t->steps[i].exchange;
    exchange = bench_median(t->column, t->n_steps);
    double rest = t->step_seconds - all_seconds(sum) - optimizer - exchange;
    printf("\nBeside the layers: optimiser %.3f ms (%.1f %%), waiting for gradients of other ranks %.3f ms (%.1f %%), the rest %.3f ms "
           "(%.1f %%).\n",
           1e3 * optimizer, 100 * optimizer / t->step_seconds, 1e3 * exchange, 100 * exchange / t->step_seconds, 1e3 * rest,
           100 * rest / t->step_seconds);
}

static void print_table(table *t, int64_t batch) {
    int n_nodes = graph_n_nodes(t->graph), n_others = 0;
    line *lines = mem_new((size_t)n_nodes, sizeof *lines), sum = {0}, others = {0};
    t->name_width = (int)strlen("12 other layers");
    t->kind_width = (int)strlen("kind");
    for (int i = 0; i < n_nodes; i++) {
        const node *n = graph_node(t->graph, i);
        lines[i] = measure_node(t, n);
        add_line(&sum, &lines[i]);
        if (!has_own_line(t, n, &lines[i])) {
            add_line(&others, &lines[i]);
            n_others++;
            continue;
        }
        int name = (int)strlen(n->name), kind = (int)strlen(n->kind->name);
        t->name_width = name > t->name_width ? name : t->name_width;
        t->kind_width = kind > t->kind_width ? kind : t->kind_width;
    }
    print_head(t, batch);
    for (int i = 0; i < n_nodes; i++)
        if (has_own_line(t, graph_node(t->graph, i), &lines[i]))
            print_node(t, graph_node(t->graph, i), &lines[i]);
    char name[TEXT_NUMBER];
    snprintf(name, sizeof name, "%d other layers", n_others);
    print_row(t, name, "", "", &others, "");
    print_row(t, "all layers", "", "", &sum, "");
    print_outside(t, &sum);
    mem_free(lines);
}

void bench_print_layers(const engine *e, int64_t batch, const profiled_step *steps, int count) {
    int lanes = e->all_lanes;
    table t = {
        .graph = e->model->graph,
        .samples = (double)(batch * e->lanes.last / lanes - batch * e->lanes.first / lanes),
        .steps = steps,
        .n_steps = count,
        .column = mem_new((size_t)count, sizeof *t.column),
    };
    for (int i = 0; i < count; i++)
        t.column[i] = steps[i].whole;
    t.step_seconds = bench_median(t.column, count);
    comm_barrier(comm_world());
    t.limits = roofline_measure();
    if (comm_is_root())
        print_table(&t, batch);
    mem_free(t.column);
}
