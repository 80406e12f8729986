#include "train/evaluate.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ckpt/ckpt.h"
#include "comm/comm.h"
#include "train/restore.h"

enum { BATCHES_BETWEEN_VOTES = 4 }; /* on whether to leave an evaluation */

err evaluate_shape(const dataset *data, const option_list *transforms, shape *out) {
    return transforms_shape(transforms->list, transforms->count, dataset_image_shape(data), out);
}

err evaluate_check_same(const dataset *data, const char *pattern, uint64_t *fingerprint) {
    uint64_t seen[2] = {(uint64_t)dataset_count(data), 0};
    err code = comm_agree(comm_world(), dataset_fingerprint(data, &seen[1]));
    if (code == OK && !comm_same(comm_world(), seen, sizeof seen))
        code = fail(ERR_DATA, "%s: ranks see different samples under this name: is it the same on every node?", pattern);
    if (fingerprint)
        *fingerprint = seen[1];
    return code;
}

static void show_progress(int64_t step, int64_t steps, double started, double *last_shown) {
    if (!log_progress_is_due(last_shown))
        return;
    char eta[TEXT_NUMBER];
    text_duration(eta, (time_now() - started) / (double)step * (double)(steps - step));
    log_progress("Test [%" PRId64 "/%" PRId64 "]  eta %s", step, steps, eta);
}

/* All ranks come here after the same batches. */
static bool must_leave(engine *e, evaluation_watch *watch, int64_t step) {
    if (!watch || step % BATCHES_BETWEEN_VOTES != BATCHES_BETWEEN_VOTES - 1)
        return false;
    engine_vote(e, watch->ask(watch->context), watch->sums);
    return watch->sums[VOTE_STOP] > 0 || watch->sums[VOTE_LATE] > 0;
}

typedef struct findings {
    double **lane_totals;
    bad_record *bad;
    int n_bad;
    err code; /* the first, and its record */
    err_record error;
} findings;

static void add_batch(findings *f, const loader_batch *b) {
    if (b->code != OK && f->code == OK) {
        f->code = b->code;
        f->error = b->error;
    }
    if (b->n_bad == 0)
        return;
    f->bad = mem_resize(f->bad, (size_t)f->n_bad + (size_t)b->n_bad, sizeof *f->bad);
    memcpy(f->bad + f->n_bad, b->bad, (size_t)b->n_bad * sizeof *f->bad);
    f->n_bad += b->n_bad;
}

/* This rank's part. After an error the rest goes on, so that no rank is left alone. */
static void run_batches(engine *e, loader *l, int64_t steps, evaluation_watch *watch, findings *f) {
    double started = time_now(), last_shown = started;
    for (const loader_batch *b; (b = loader_next(l));) {
        add_batch(f, b);
        if (b->code == OK)
            engine_evaluate(e, &b->batch, f->lane_totals);
        int64_t done = b->batch.step + 1;
        show_progress(done, steps, started, &last_shown);
        if (must_leave(e, watch, b->batch.step)) {
            f->code = fail(ERR_REQUEUE, "evaluation was left after %" PRId64 " of %" PRId64 " batches", done, steps);
            return;
        }
    }
    if (f->code != OK)
        *err_last() = f->error;
}

static void fill_result(evaluation *result, const double *sums, const dataset *data) {
    result->count = (int64_t)sums[METRIC_COUNT];
    result->left_out = dataset_count(data) - result->count;
    result->loss = engine_loss(sums);
    result->top1 = sums[METRIC_TOP1] / sums[METRIC_COUNT];
    result->top5 = sums[METRIC_TOP5] / sums[METRIC_COUNT];
}

err evaluate_set(engine *e, const evaluate_options *o, evaluation *result) {
    loader *l = NULL;
    loader_options options = {
        .data = o->data,
        .fields = graph_fields(e->model->graph),
        .n_fields = graph_n_fields(e->model->graph),
        .order = {.count = dataset_count(o->data), .batch = o->batch},
        .transforms = o->transforms->list,
        .n_transforms = o->transforms->count,
        .lanes = e->all_lanes,
        .first_lane = e->lanes.first,
        .last_lane = e->lanes.last,
        .depth = 2,
        .workers = o->workers,
        .leave_out_bad = true,
    };
    options.last_step = sampler_steps(&options.order);
    findings f = {.lane_totals = engine_new_totals(e)};
    double sums[N_METRICS];
    f.code = comm_agree(comm_world(), loader_start(&l, &options)); /* batches are run by all ranks or by none: they vote on the way */
    if (f.code == OK)
        run_batches(e, l, options.last_step, o->watch, &f);
    loader_stop(l);
    err code = comm_agree(comm_world(), f.code);
    engine_sum(e, f.lane_totals, sums);
    fill_result(result, sums, o->data);
    if (code == OK && result->left_out > 0)
        code = quarantine_add(o->bad, f.bad, f.n_bad);
    if (code == OK && result->count == 0)
        code = fail(ERR_DATA, "%s: none of its %" PRId64 " records is good", dataset_path(o->data, 0, &(int64_t){0}), result->left_out);
    engine_free_totals(e, f.lane_totals);
    mem_free(f.bad);
    return code;
}

const char *evaluation_left_out(char *out, const evaluation *e) {
    char all[TEXT_NUMBER];
    *out = '\0';
    if (e->left_out > 0)
        snprintf(out, 64, "  (%" PRId64 " of %s records left out)", e->left_out, text_count(all, e->count + e->left_out));
    return out;
}

/* The set's pictures must have the size that the network was built for, and its classes must be the network's. */
static err check_set(const dataset *data, const restored *net, const char *pattern) {
    shape image;
    err code = evaluate_shape(data, &net->job->data.eval, &image);
    if (code != OK)
        return code;
    char have[SHAPE_TEXT], want[SHAPE_TEXT];
    if (!shape_equal(image, net->model->image))
        return fail(ERR_DATA, "%s: pictures are %s after data.eval, the network takes %s", pattern, shape_text(have, image),
                    shape_text(want, net->model->image));
    if (dataset_n_classes(data) > net->model->classes)
        return fail(ERR_DATA, "%s: %d classes, the network has %d", pattern, dataset_n_classes(data), net->model->classes);
    for (int i = 0; i < dataset_n_classes(data) && i < net->info.n_classes; i++)
        if (strcmp(dataset_class(data, i), net->info.classes[i]) != 0)
            return fail(ERR_DATA, "%s: class %d is \"%s\", the network was trained with \"%s\"", pattern, i, dataset_class(data, i),
                        net->info.classes[i]);
    return OK;
}

/* The job's lanes, or as many as ranks where those are more: evaluation sums numbers that no state depends on. */
static int lanes_for(int lanes) {
    int size = comm_size(comm_world());
    return lanes > size ? lanes : size;
}

err train_evaluate(const char *checkpoint, const char *pattern, int64_t batch, const weights_options *weights, evaluation *result) {
    restored net = {0};
    dataset *data = NULL;
    quarantine *bad = NULL;
    engine *e = NULL;
    weights_options described = *weights;
    if (!described.like)
        described.like = pattern;
    err code = restore_everywhere(&net, checkpoint, &described);
    if (code != OK)
        return code;
    pattern = pattern ? pattern : net.job->data.val;
    batch = batch > 0 ? batch : net.job->train.batch;
    code = pattern ? dataset_guard(pattern) : fail(ERR_USAGE, "%s: its job has no data.val: name a data set", checkpoint);
    code = comm_agree(comm_world(), code);
    if (code == OK)
        code = dataset_open(&data, pattern);
    if (code == OK)
        code = check_set(data, &net, pattern);
    code = comm_agree(comm_world(), code);
    if (code == OK)
        code = evaluate_check_same(data, pattern, NULL);
    if (code == OK)
        code = engine_new(&e, net.model, &(engine_options){.lanes = lanes_for(net.job->train.lanes), .batch = batch});
    if (code == OK)
        code = quarantine_open(&bad, data, pattern, net.job->data.max_bad, NULL);
    if (code == OK)
        code = evaluate_set(e, &(evaluate_options){data, &net.job->data.eval, batch, net.job->data.workers, bad, NULL}, result);
    result->step = net.info.step;
    result->epoch = net.info.epoch;
    engine_free(e);
    quarantine_close(bad);
    dataset_close(data);
    restore_free(&net);
    return code;
}
