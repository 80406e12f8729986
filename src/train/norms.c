#include "train/norms.h"

#include <inttypes.h>

#include "dist/dist.h"
#include "ops/ops.h"

/* A plane of one pixel: as many values a channel as there are samples. */
static const node *find_narrow(const graph *g) {
    for (int i = 0; i < graph_n_nodes(g); i++) {
        const node *n = graph_node(g, i);
        if ((n->kind == &op_batch_norm || n->kind == &op_batch_norm_add) && n->out.h * n->out.w == 1)
            return n;
    }
    return NULL;
}

/* Whether some of `parts` parts of the lanes has exactly one of the samples. */
static bool leaves_one(int64_t samples, int lanes, int parts) {
    for (int p = 0; p < parts; p++) {
        int64_t first = dist_first_lane(lanes, p, parts), last = dist_first_lane(lanes, p + 1, parts);
        if (last * samples / lanes - first * samples / lanes == 1)
            return true;
    }
    return false;
}

static err refuse(const job *j, const node *n, int64_t samples, bool is_last, const char *whose) {
    char count[TEXT_AMOUNT];
    return fail(ERR_USAGE,
                "%s: layer %s: batch norm has a single value a channel to normalise: its plane is 1 x 1, and %s batch has %s%s; use larger "
                "pictures or %s%s",
                job_place(j, "train.batch"), n->name, is_last ? "an epoch's last" : "a", text_amount(count, samples, "sample"), whose,
                is_last ? "data.drop_last: true" : "a larger train.batch",
                j->train.sync_batchnorm == NORM_GLOBAL ? "" : " or train.sync_batchnorm: global");
}

err norms_check(const graph *g, const job *j, const sampler *order, int64_t steps, int ranks) {
    const norm_scope scope = j->train.sync_batchnorm;
    const int lanes = j->train.lanes, parts = scope == NORM_LANE ? lanes : scope == NORM_RANK ? ranks : 1;
    const int64_t an_epoch = sampler_steps(order);
    const char *whose = scope == NORM_LANE ? ", of which a lane has one" : scope == NORM_RANK ? ", of which a rank has one" : "";
    const node *n = find_narrow(g);
    if (!n)
        return OK;
    int64_t last = sampler_batch_size(order, an_epoch - 1);
    if (leaves_one(order->batch, lanes, parts))
        return refuse(j, n, order->batch, false, whose);
    return steps >= an_epoch && leaves_one(last, lanes, parts) ? refuse(j, n, last, true, whose) : OK;
}
