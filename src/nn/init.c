/* How parameters begin. Every value is a function of (seed, parameter's name, index in PyTorch's order): neither the order of parameters
 * nor threads nor the layout in memory change it. */
#include <math.h>

#include "nn/internal.h"

typedef struct fans {
    double in, out;
} fans;

/* As PyTorch counts them, with groups too: the taps times the second or the first dimension. */
static fans fans_of(dims d) {
    double taps = 1;
    for (int i = 2; i < d.rank; i++)
        taps *= (double)d.size[i];
    return (fans){taps * (double)d.size[1], taps * (double)d.size[0]};
}

static void set(param *p, param_init init, double value) {
    p->init = init;
    p->init_value = value;
}

static void init_weight(param *p, shoal_init init, double std) {
    fans f = fans_of(p->dims);
    switch (init) {
    case SHOAL_INIT_DEFAULT:
        break;
    case SHOAL_INIT_KAIMING_NORMAL_FAN_OUT:
        set(p, INIT_NORMAL, sqrt(2 / f.out));
        break;
    case SHOAL_INIT_KAIMING_NORMAL_FAN_IN:
        set(p, INIT_NORMAL, sqrt(2 / f.in));
        break;
    case SHOAL_INIT_XAVIER_UNIFORM:
        set(p, INIT_UNIFORM, sqrt(6 / (f.in + f.out)));
        break;
    case SHOAL_INIT_XAVIER_NORMAL:
        set(p, INIT_NORMAL, sqrt(2 / (f.in + f.out)));
        break;
    case SHOAL_INIT_NORMAL:
        set(p, INIT_NORMAL, std);
        break;
    }
}

void init_layer(node *n, shoal_init init, double std) {
    if (!n || init == SHOAL_INIT_DEFAULT)
        return;
    for (int i = 0; i < n->n_params; i++) {
        if (n->params[i]->role == PARAM_WEIGHT)
            init_weight(n->params[i], init, std);
        else
            set(n->params[i], INIT_CONSTANT, 0);
    }
}

void init_norm_zero(node *n) {
    if (n)
        set(n->params[0], INIT_CONSTANT, 0);
}

enum { CHUNK = 1 << 16 };

typedef struct drawing {
    const param *param;
    rng_key key;
    float *values; /* in PyTorch's order */
} drawing;

static void draw_chunk(void *context, int item, int thread) {
    (void)thread;
    const drawing *d = context;
    const param *p = d->param;
    int64_t first = (int64_t)item * CHUNK, last = first + CHUNK < p->size ? first + CHUNK : p->size;
    for (int64_t i = first; i < last; i++) {
        double value = p->init_value;
        if (p->init == INIT_NORMAL)
            value *= rng_normal(d->key, (uint64_t)i);
        else if (p->init == INIT_UNIFORM)
            value *= 2 * rng_uniform(d->key, (uint64_t)i) - 1;
        d->values[i] = (float)value;
    }
}

static void draw(const param *p, uint64_t seed, float *values) {
    drawing d = {.param = p, .key = rng_make_key(seed, RNG_INIT, rng_hash(p->name), 0), .values = values};
    threads_run((int)((p->size + CHUNK - 1) / CHUNK), draw_chunk, &d);
}

static void init_param(param *p, uint64_t seed) {
    if (p->role == PARAM_COUNTER) {
        p->counter = 0;
    } else if (p->layout == LAYOUT_PLAIN) {
        draw(p, seed, p->value);
    } else {
        float *plain = mem_new((size_t)p->size, sizeof *plain);
        draw(p, seed, plain);
        param_from_plain(p, plain, p->value);
        mem_free(plain);
    }
}

void model_init(model *m, uint64_t seed) {
    for (int i = 0; i < graph_n_params(m->graph); i++)
        init_param(graph_param(m->graph, i), seed);
}
