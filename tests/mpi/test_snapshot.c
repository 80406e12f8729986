/* Before a checkpoint ranks compare what they hold: a bit that differs is named with its rank, and nothing is to be saved. */
#include "everywhere.h"
#include "../unit/make_options.h"
#include "suite.h"

#include <math.h>
#include <string.h>

#include "models/models.h"
#include "train/snapshot.h"

enum { LANES = 12 };
static const char *const hosts[] = {"a", "b", "c", "d"};

typedef struct setting {
    model *model;
    optim *optim;
    engine *engine;
    snapshot snapshot;
} setting;

static setting *make_setting(void) {
    static setting s;
    model_spec spec = {.classes = 4, .image = {32, 32, 3}};
    optimizer_options sgd = {.name = "sgd", .lr = 0.1, .own = OPTIONS(option_find_kind(optim_kind_at, "sgd"), {"momentum", {0.9}})};
    bool made = models_find(&spec.kind, "resnet20") == OK && model_build(&s.model, &spec) == OK && model_seal(s.model) == OK;
    if (made)
        model_init(s.model, 1);
    made = made && optim_new(&s.optim, s.model->graph, &sgd) == OK;
    engine_options options = {.lanes = LANES, .batch = LANES, .training = true, .optim = s.optim, .seed = 1};
    ck_assert(everywhere(made));
    made = engine_new(&s.engine, s.model, &options) == OK && snapshot_init(&s.snapshot, s.model->graph, s.optim, comm_is_root()) == OK;
    ck_assert(everywhere(made));
    return &s;
}

static void free_setting(setting *s) {
    snapshot_reset(&s->snapshot);
    engine_free(s->engine);
    optim_free(s->optim);
    model_free(s->model);
}

static void flip_a_bit(float *value) {
    uint32_t bits;
    memcpy(&bits, value, sizeof bits);
    bits ^= 1;
    memcpy(value, &bits, sizeof bits);
}

/* Taking it ends with `code` everywhere, and the error has all of the words. */
static bool ends(setting *s, err code, const char *one, const char *two) {
    err got = snapshot_take(&s->snapshot, s->engine, comm_is_root() ? hosts : NULL);
    return everywhere(got == code && (code == OK || (strstr(err_last()->text, one) && strstr(err_last()->text, two))));
}

START_TEST(equal_ranks_are_copied) {
    setting *s = make_setting();
    graph *g = s->model->graph;
    graph_values(g)[5] = 0.5f;
    optim_slot(s->optim, 0)[7] = 0.25f;
    bool good = ends(s, OK, "", "");
    if (comm_is_root()) {
        size_t values = (size_t)(graph_trained_size(g) + graph_fixed_size(g)) * sizeof(float);
        good = good && memcmp(s->snapshot.copy.values, graph_values(g), values) == 0 && s->snapshot.copy.values != graph_values(g) &&
               s->snapshot.copy.slots[0][7] == 0.25f;
    }
    good = everywhere(good);
    free_setting(s);
    ck_assert(good);
}
END_TEST

START_TEST(one_bit_is_named) {
    setting *s = make_setting();
    graph *g = s->model->graph;
    int ranks = comm_size(comm_world()), guilty = ranks - 1;
    float *places[] = {graph_values(g) + 3, optim_slot(s->optim, 0) + graph_trained_size(g) - 1, graph_fixed(g) + 2};
    const char *words[] = {"weights of bucket 0 (", "momentum_buffer of bucket ", "buffers "};
    char who[64];
    snprintf(who, sizeof who, "rank %d on %s", guilty, hosts[guilty]);
    bool good = true;
    for (int i = 0; i < 3; i++) {
        if (comm_rank(comm_world()) == guilty)
            flip_a_bit(places[i]);
        good = ends(s, ranks > 1 ? ERR_BROKEN : OK, words[i], who) && good;
        if (ranks > 1)
            good = everywhere(strstr(err_last()->text, ranks > 2 ? "differ from the other ranks'" : "no majority")) && good;
        if (comm_rank(comm_world()) == guilty)
            flip_a_bit(places[i]);
    }
    good = ends(s, OK, "", "") && good;
    free_setting(s);
    ck_assert(good);
}
END_TEST

START_TEST(what_is_no_number_is_named) {
    setting *s = make_setting();
    const param *p = graph_find_param(s->model->graph, "layer2.0.conv1.weight");
    p->value[4] = INFINITY;
    bool good = ends(s, ERR_BROKEN, "weights of layer2.0.conv1.weight are not finite (inf)", "lr");
    p->value[4] = 0;
    graph_fixed(s->model->graph)[0] = NAN;
    good = ends(s, ERR_BROKEN, "buffers of bn1.running_mean", "not finite") && good;
    free_setting(s);
    ck_assert(good);
}
END_TEST

int main(void) {
    if (comm_init() != OK)
        return 1;
    TCase *tests = suite_case("snapshot");
    tcase_add_test(tests, equal_ranks_are_copied);
    tcase_add_test(tests, one_bit_is_named);
    tcase_add_test(tests, what_is_no_number_is_named);
    return run_everywhere();
}
