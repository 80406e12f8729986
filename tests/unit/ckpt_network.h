/* For the tests of checkpoints: a folder for each test, and a network that is nothing but parameters. */
#ifndef SHOAL_TESTS_CKPT_NETWORK_H
#define SHOAL_TESTS_CKPT_NETWORK_H

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ckpt/ckpt.h"
#include "suite.h"

/* ---- a folder for each test ---- */

static char folder[64];

static inline void make_folder(void) {
    strcpy(folder, "/tmp/shoal-ckpt-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static inline int remove_entry(const char *path, const struct stat *s, int kind, struct FTW *walk) {
    (void)s, (void)kind, (void)walk;
    return remove(path);
}

static inline void remove_folder(void) {
    chmod(folder, 0700);
    nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* Into one of a few buffers, so that a call may have several. */
static inline const char *in_folder(const char *name) {
    static char paths[4][160];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static inline int count_entries(void) {
    int count = 0;
    DIR *names = opendir(folder);
    for (struct dirent *d; (d = readdir(names));)
        count += strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
    closedir(names);
    return count;
}

/* ---- a network that is nothing but parameters ---- */

static int64_t classes = 10;

static inline err infer_conv(graph *g, node *n) {
    n->out = (shape){1, 1, 1};
    param weight = {.dims = {4, {4, 3, 2, 5}}, .layout = LAYOUT_CONV, .role = PARAM_WEIGHT};
    graph_add_param(g, n, "weight", weight);
    return OK;
}

static inline err infer_norm(graph *g, node *n) {
    n->out = (shape){1, 1, 1};
    graph_add_param(g, n, "weight", (param){.dims = {1, {4}}, .role = PARAM_NORM_WEIGHT});
    graph_add_param(g, n, "bias", (param){.dims = {1, {4}}, .role = PARAM_NORM_BIAS});
    graph_add_param(g, n, "running_mean", (param){.dims = {1, {4}}, .role = PARAM_BUFFER});
    graph_add_param(g, n, "num_batches_tracked", (param){.dims = {0}, .role = PARAM_COUNTER});
    return OK;
}

static inline err infer_linear(graph *g, node *n) {
    n->out = (shape){1, 1, 1};
    graph_add_param(g, n, "weight", (param){.dims = {2, {classes, 7}}, .role = PARAM_WEIGHT});
    graph_add_param(g, n, "bias", (param){.dims = {1, {classes}}, .role = PARAM_BIAS});
    return OK;
}

static const op_kind conv_kind = {.name = "conv", .infer = infer_conv}, norm_kind = {.name = "norm", .infer = infer_norm},
                     linear_kind = {.name = "linear", .infer = infer_linear};

typedef struct network {
    graph *graph;
    optim *optim;
} network;

/* Values count up from `first` in PyTorch's order; those of the optimiser's state from 1000 on. */
static inline void set_values(const param *p, float *memory, float first) {
    float *plain = mem_new((size_t)p->size, sizeof *plain);
    for (int64_t i = 0; i < p->size; i++)
        plain[i] = first + (float)i;
    param_from_plain(p, plain, memory);
    mem_free(plain);
}

static inline network make_network(int64_t n_classes, float first, const char *frozen) {
    graph *g = graph_new();
    classes = n_classes;
    node *conv = graph_add(g, &conv_kind, "conv1", NULL, 0, NULL);
    node *norm = graph_add(g, &norm_kind, "bn1", NULL, 1, &conv);
    graph_add(g, &linear_kind, "fc", NULL, 1, &norm);
    if (frozen)
        graph_find_param(g, frozen)->frozen = true;
    ck_assert_int_eq(graph_seal(g), OK);
    network n = {g, NULL};
    ck_assert_int_eq(optim_new(&n.optim, g, &(optimizer_options){.name = "sgd"}), OK);
    for (int i = 0; i < graph_n_params(g); i++) {
        param *p = graph_param(g, i);
        if (p->role == PARAM_COUNTER)
            p->counter = (int64_t)1 << 40;
        else
            set_values(p, p->value, first);
        if (param_is_trained(p))
            set_values(p, optim_slot(n.optim, 0) + p->offset, 1000 + first);
    }
    return n;
}

static inline void network_free(network n) {
    optim_free(n.optim);
    graph_free(n.graph);
}

static inline bool same_values(network a, network b) {
    size_t bytes = (size_t)(graph_trained_size(a.graph) + graph_fixed_size(a.graph)) * sizeof(float);
    return memcmp(graph_values(a.graph), graph_values(b.graph), bytes) == 0 &&
           graph_find_param(a.graph, "bn1.num_batches_tracked")->counter == graph_find_param(b.graph, "bn1.num_batches_tracked")->counter;
}

static inline bool same_state(network a, network b) {
    return memcmp(optim_slot(a.optim, 0), optim_slot(b.optim, 0), (size_t)graph_trained_size(a.graph) * sizeof(float)) == 0;
}

static char *class_names[] = {"cat", "d\xc3\xb6g", "", "bird"};

static inline ckpt_info some_info(int64_t step) {
    return (ckpt_info){.step = step,
                       .epoch = 3,
                       .seed = UINT64_MAX,
                       .lanes = 8,
                       .batch = 64,
                       .best_metric = "top1",
                       .best_value = 0.123456789012345678,
                       .best_step = 40,
                       .updates = step - 1,
                       .lr_factor = 0.7,
                       .rollbacks = 2,
                       .data_fingerprint = 0xFEDCBA9876543210u,
                       .job = "name: x\nmodel: {name: y}\n",
                       .classes = class_names,
                       .n_classes = 4,
                       .image = {32, 48, 3},
                       .mean = {0.1f, 0.2f, 0.3f},
                       .std = {0.4f, 0.5f, 0.6f}};
}

static inline err write_network(const char *path, graph *g, optim *o, const ckpt_info *info) {
    ckpt_state state = ckpt_state_of(g, o);
    return ckpt_write(path, &state, info, (ckpt_gate){0});
}

static inline void write_step(const char *name, network n, int64_t step) {
    ckpt_info info = some_info(step);
    err code = write_network(in_folder(name), n.graph, n.optim, &info);
    ck_assert_msg(code == OK, "%s", err_last()->text);
}

#endif
