/* Optimisers against PyTorch's numbers, any cut of a step against the whole, schedules against their closed forms. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../golden/optim.h"
#include "optim/optim.h"
#include "suite.h"

/* ---- a graph that is nothing but parameters ---- */

static int64_t weight_size = 6;

static err infer_layer(graph *g, node *n) {
    n->out = (shape){1, 1, 1};
    graph_add_param(g, n, "weight", (param){.dims = {1, {weight_size}}, .role = PARAM_WEIGHT});
    graph_add_param(g, n, "bias", (param){.dims = {1, {2}}, .role = PARAM_BIAS});
    return OK;
}

static err infer_norm(graph *g, node *n) {
    n->out = (shape){1, 1, 1};
    graph_add_param(g, n, "weight", (param){.dims = {1, {3}}, .role = PARAM_NORM_WEIGHT});
    graph_add_param(g, n, "bias", (param){.dims = {1, {3}}, .role = PARAM_NORM_BIAS});
    graph_add_param(g, n, "running_mean", (param){.dims = {1, {3}}, .role = PARAM_BUFFER});
    return OK;
}

static const op_kind layer_kind = {.name = "layer", .infer = infer_layer}, norm_kind = {.name = "norm", .infer = infer_norm};

static graph *make_graph(int64_t size) {
    graph *g = graph_new();
    weight_size = size;
    node *layer = graph_add(g, &layer_kind, "conv", NULL, 0, NULL);
    graph_add(g, &norm_kind, "bn", NULL, 1, &layer);
    ck_assert_int_eq(graph_seal(g), OK);
    return g;
}

/* The functions of make_optim.py. */
static float value_at(int64_t place) {
    return (float)((double)((place * 37) % 19 - 9) / 8);
}

static float grad_at(int64_t place, int64_t step) {
    return (float)((double)((place * 11 + step * 5) % 23 - 11) / 16);
}

/* Visits the trained parameters' elements in order of creation; padding is left alone. */
static void fill(const graph *g, float *out, float (*at)(int64_t place, int64_t step), int64_t step) {
    int64_t place = 0;
    for (int i = 0; i < graph_n_params(g); i++) {
        const param *p = graph_param(g, i);
        for (int64_t k = 0; param_is_trained(p) && k < p->size; k++)
            out[p->offset + k] = at(place++, step);
    }
}

static float first_value(int64_t place, int64_t step) {
    (void)step;
    return value_at(place);
}

static optim *make_optim(graph *g, const struct golden *c) {
    const void *own = made_options(option_find_kind(optim_kind_at, c->optimizer), c->options);
    optimizer_options options = {c->optimizer, 0.1, own, c->weight_decay, c->norm_weight_decay, c->bias_weight_decay,
                                 c->clip_grad};
    optim *o;
    ck_assert_int_eq(optim_new(&o, g, &options), OK);
    return o;
}

enum { N_STEPS = sizeof golden_lr / sizeof *golden_lr, N_CASES = sizeof golden / sizeof *golden };

/* ---- steps ---- */

/* PyTorch's numbers in float64 are the truth, from which its own float32 strays too. */
START_TEST(steps_are_pytorchs) {
    enum { FACTOR = 5 };
    const struct golden *c = &golden[_i];
    graph *g = make_graph(6);
    optim *o = make_optim(g, c);
    int64_t size = graph_trained_size(g);
    float *grads = mem_new((size_t)size, sizeof *grads);
    fill(g, graph_values(g), first_value, 0);
    for (int64_t step = 0; step < N_STEPS; step++) {
        fill(g, grads, grad_at, step);
        optim_begin(o, step, golden_lr[step]);
        optim_clip(o, grads);
        optim_step(o, grads, 0, size);
    }
    int place = 0;
    for (int i = 0; i < graph_n_params(g); i++) {
        const param *p = graph_param(g, i);
        for (int64_t k = 0; param_is_trained(p) && k < p->size; k++, place++)
            ck_assert_msg(fabs((double)p->value[k] - c->values[place]) <= FACTOR * c->stray, "%s %s[%d]: %.9g, PyTorch %.9g", c->name,
                          p->name, (int)k, (double)p->value[k], c->values[place]);
    }
    ck_assert_int_eq(place, sizeof c->values / sizeof *c->values);
    mem_free(grads);
    optim_free(o);
    graph_free(g);
}
END_TEST

START_TEST(every_optimizer_is_measured) {
    for (int i = 0; optim_kind_at(i); i++) {
        int cases = 0;
        for (int k = 0; k < N_CASES; k++)
            cases += strcmp(golden[k].optimizer, optim_kind_at(i)->name) == 0;
        ck_assert_msg(cases > 0, "make_optim.py has no case of %s", optim_kind_at(i)->name);
    }
}
END_TEST

START_TEST(buffers_and_padding_stay) {
    graph *g = make_graph(5);
    optim *o = make_optim(g, &golden[_i]);
    int64_t size = graph_trained_size(g);
    float *grads = mem_new((size_t)size, sizeof *grads), *mean = graph_find_param(g, "bn.running_mean")->value;
    fill(g, graph_values(g), first_value, 0);
    fill(g, grads, grad_at, 1);
    mean[0] = mean[1] = mean[2] = 7;
    optim_begin(o, 0, 0.1);
    optim_step(o, grads, 0, size);
    ck_assert(mean[0] == 7 && mean[1] == 7 && mean[2] == 7);
    bool *used = mem_new((size_t)size, sizeof *used);
    for (int i = 0; i < graph_n_params(g); i++)
        for (int64_t k = 0; param_is_trained(graph_param(g, i)) && k < graph_param(g, i)->size; k++)
            used[graph_param(g, i)->offset + k] = true;
    for (int64_t k = 0; k < size; k++)
        for (int slot = 0; slot < optim_n_slots(o); slot++)
            ck_assert(used[k] || (graph_values(g)[k] == 0 && optim_slot(o, slot)[k] == 0));
    mem_free(used);
    mem_free(grads);
    optim_free(o);
    graph_free(g);
}
END_TEST

/* Three steps over a large weight, in slices of the given size, on the given number of threads. */
static graph *run_cut(const struct golden *c, int64_t slice, int threads, optim **state) {
    graph *g = make_graph(100003);
    *state = make_optim(g, c);
    int64_t size = graph_trained_size(g);
    float *grads = mem_new((size_t)size, sizeof *grads);
    threads_set(threads);
    fill(g, graph_values(g), first_value, 0);
    for (int64_t step = 0; step < 3; step++) {
        fill(g, grads, grad_at, step);
        optim_begin(*state, step, 0.1);
        optim_clip(*state, grads);
        for (int64_t first = 0; first < size; first += slice)
            optim_step(*state, grads, first, first + slice < size ? first + slice : size);
    }
    threads_set(1);
    mem_free(grads);
    return g;
}

START_TEST(slices_and_threads_change_nothing) {
    static const int64_t slices[] = {1000000, 7, 16384, 50001};
    optim *whole_state, *state;
    graph *whole = run_cut(&golden[_i], 1000000, 1, &whole_state);
    size_t bytes = (size_t)graph_trained_size(whole) * sizeof(float);
    for (size_t i = 0; i < sizeof slices / sizeof *slices; i++) {
        graph *g = run_cut(&golden[_i], slices[i], 2, &state);
        ck_assert_int_eq(memcmp(graph_values(g), graph_values(whole), bytes), 0);
        for (int slot = 0; slot < optim_n_slots(state); slot++)
            ck_assert_int_eq(memcmp(optim_slot(state, slot), optim_slot(whole_state, slot), bytes), 0);
        optim_free(state);
        graph_free(g);
    }
    optim_free(whole_state);
    graph_free(whole);
}
END_TEST

START_TEST(state_has_pytorchs_names) {
    static const char *const names[][2] = {
        {"sgd", "momentum_buffer"}, {"adamw", "exp_avg exp_avg_sq"}, {"adamw", "exp_avg exp_avg_sq max_exp_avg_sq"}};
    static const int cases[] = {0, 5, 8};
    for (int i = 0; i < 3; i++) {
        graph *g = make_graph(6);
        optim *o = make_optim(g, &golden[cases[i]]);
        char *all = mem_string("");
        for (int slot = 0; slot < optim_n_slots(o); slot++)
            text_append(&all, text_format("%s%s", slot ? " " : "", optim_slot_name(o, slot)));
        ck_assert_str_eq(golden[cases[i]].optimizer, names[i][0]);
        ck_assert_str_eq(all, names[i][1]);
        mem_free(all);
        optim_free(o);
        graph_free(g);
    }
}
END_TEST

START_TEST(unknown_optimizers_are_refused) {
    graph *g = make_graph(6);
    optim *o;
    ck_assert_int_eq(optim_new(&o, g, &(optimizer_options){.name = "sdg"}), ERR_USAGE);
    ck_assert_ptr_null(o);
    ck_assert_str_eq(err_last()->text, "optimizer.name: there is no optimizer \"sdg\" (did you mean \"sgd\"?)");
    graph_free(g);
}
END_TEST

/* ---- schedules: 10 epochs of 4 steps, lr 2 ---- */

static const option_kind *schedule(const char *name) {
    return option_find_kind(schedule_kind_at, name);
}

static double rate(schedule_options s, int64_t step) {
    return schedule_lr(&s, 2, step, 4, 10);
}

static void near(double is, double should) {
    ck_assert_msg(fabs(is - should) <= 1e-12 * fabs(should) + 1e-15, "%.17g is not %.17g", is, should);
}

START_TEST(constant_step_and_multistep) {
    const option_kind *kind = schedule("multistep");
    void *own = OPTIONS(kind, {"gamma", {0.5}});
    int *milestones = option_member(option_find(kind, "milestones"), own);
    milestones[0] = 1, milestones[1] = 5, milestones[2] = 7;
    *option_count(option_find(kind, "milestones"), own) = 3;
    schedule_options step = {"step", OPTIONS(schedule("step"), {"step_epochs", {3}}, {"gamma", {0.1}}), 0, 0};
    schedule_options multistep = {"multistep", own, 0, 0};
    for (int64_t s = 0; s < 40; s++) {
        int64_t epoch = s / 4;
        near(rate((schedule_options){.name = "constant"}, s), 2);
        near(rate(step, s), epoch < 3 ? 2 : epoch < 6 ? 0.2 : epoch < 9 ? 0.02 : 0.002);
        near(rate(multistep, s), epoch < 1 ? 2 : epoch < 5 ? 1 : epoch < 7 ? 0.5 : 0.25);
    }
}
END_TEST

START_TEST(cosine_and_poly) {
    schedule_options cosine = {"cosine", OPTIONS(schedule("cosine"), {"min_lr", {0.5}}), 0, 0};
    schedule_options poly = {"poly", OPTIONS(schedule("poly"), {"power", {2}}, {"min_lr", {0.01}}), 0, 0};
    near(rate(cosine, 0), 2);
    near(rate(cosine, 20), 1.25);
    near(rate(cosine, 10), 0.5 + 1.5 * (1 + sqrt(0.5)) / 2);
    near(rate(cosine, 40), 0.5);
    near(rate(poly, 0), 2);
    near(rate(poly, 20), 0.5);
    near(rate(poly, 30), 2.0 / 16);
    near(rate(poly, 39), 0.01);
    near(rate((schedule_options){"poly", OPTIONS(schedule("poly"), {"power", {1}}), 0, 0}, 39), 0.05);
    for (int64_t s = 1; s < 40; s++)
        ck_assert(rate(cosine, s) < rate(cosine, s - 1) && rate(poly, s) <= rate(poly, s - 1));
}
END_TEST

START_TEST(warmup_rises_step_by_step) {
    schedule_options s = {.name = "constant", .warmup_epochs = 2.5, .warmup_decay = 0.1};
    for (int64_t step = 0; step < 40; step++)
        near(rate(s, step), step < 10 ? 2 * (0.1 + 0.9 * (double)step / 10) : 2);
    s.name = "cosine";
    s.own = OPTIONS(schedule("cosine"), {"min_lr", {0}});
    near(rate(s, 5), 2 * 0.55);
    near(rate(s, 10), 2);
    near(rate(s, 25), 1);
    s = (schedule_options){"step", OPTIONS(schedule("step"), {"step_epochs", {1}}, {"gamma", {0.5}}), 2, 0};
    near(rate(s, 0), 0);
    near(rate(s, 4), 2 * 0.5 * 0.5);
    near(rate(s, 8), 2 * 0.25);
    s = (schedule_options){"cosine", OPTIONS(schedule("cosine"), {"min_lr", {0}}), 10, 0}; /* all of the run is warmup */
    near(rate(s, 20), 1);
    near(rate(s, 39), 2 * 39.0 / 40);
}
END_TEST

/* A schedule more gets a row here and a test of its numbers above. */
START_TEST(every_schedule_is_tested) {
    static const char *const tested[] = {"constant", "step", "multistep", "cosine", "poly"};
    for (int i = 0; schedule_kind_at(i); i++) {
        bool found = false;
        for (size_t k = 0; k < sizeof tested / sizeof *tested; k++)
            found |= strcmp(tested[k], schedule_kind_at(i)->name) == 0;
        ck_assert_msg(found, "the schedule %s has no test", schedule_kind_at(i)->name);
    }
}
END_TEST

int main(void) {
    if (math_init() != OK) {
        printf("skipped: %s\n", err_last()->text);
        return 77;
    }
    TCase *tests = suite_case("all");
    tcase_add_loop_test(tests, steps_are_pytorchs, 0, N_CASES);
    tcase_add_test(tests, every_optimizer_is_measured);
    tcase_add_loop_test(tests, buffers_and_padding_stay, 0, N_CASES);
    tcase_add_loop_test(tests, slices_and_threads_change_nothing, 3, N_CASES);
    tcase_add_test(tests, state_has_pytorchs_names);
    tcase_add_test(tests, unknown_optimizers_are_refused);
    tcase_add_test(tests, constant_step_and_multistep);
    tcase_add_test(tests, cosine_and_poly);
    tcase_add_test(tests, warmup_rises_step_by_step);
    tcase_add_test(tests, every_schedule_is_tested);
    return suite_run();
}
