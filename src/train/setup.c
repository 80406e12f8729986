/* From a job to a trainer that stands at its first step. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "h5/h5.h"
#include "train/build.h"
#include "train/evaluate.h"
#include "train/folder.h"
#include "train/norms.h"
#include "train/trainer.h"

/* ---- data ---- */

/* What the job leaves to the data set. */
static void resolve_from_data(job *j, const dataset *d) {
    int channels = dataset_channels(d);
    if (j->model.classes == 0)
        j->model.classes = dataset_n_classes(d);
    if (j->data.n_mean == 0)
        memcpy(j->data.mean, dataset_mean(d), (size_t)channels * sizeof(float));
    if (j->data.n_std == 0)
        memcpy(j->data.std, dataset_std(d), (size_t)channels * sizeof(float));
}

static err check_normalisation(job *j, int channels) {
    if (j->data.n_mean != 0 && j->data.n_mean != channels)
        return fail(ERR_USAGE, "%s: data.mean has %d numbers, the pictures of %s have %d channels", job_place(j, "data.mean"),
                    j->data.n_mean, j->data.train, channels);
    if (j->data.n_std != 0 && j->data.n_std != channels)
        return fail(ERR_USAGE, "%s: data.std has %d numbers, the pictures of %s have %d channels", job_place(j, "data.std"), j->data.n_std,
                    j->data.train, channels);
    j->data.n_mean = j->data.n_std = channels;
    for (int c = 0; c < channels; c++)
        if (!(j->data.std[c] > 0))
            return fail(ERR_USAGE, "%s: data.std: %g of channel %d is not above 0 (is the set of one colour? give data.std)",
                        job_place(j, "data.std"), (double)j->data.std[c], c);
    return OK;
}

static err check_val(trainer *t) {
    shape image;
    err code = evaluate_shape(t->val, &t->job->data.eval, &image);
    if (code != OK)
        return err_prefix("%s: data.eval: %s", job_place(t->job, "data.eval"), t->job->data.val);
    char have[SHAPE_TEXT], want[SHAPE_TEXT];
    if (!shape_equal(image, t->image))
        return fail(ERR_USAGE, "%s: data.eval makes pictures of %s, data.augment of %s: they must be the same",
                    job_place(t->job, "data.eval"), shape_text(have, image), shape_text(want, t->image));
    if (dataset_n_classes(t->val) > dataset_n_classes(t->data))
        return fail(ERR_DATA, "%s has %d classes, %s has %d", t->job->data.val, dataset_n_classes(t->val), t->job->data.train,
                    dataset_n_classes(t->data));
    for (int i = 0; i < dataset_n_classes(t->val); i++)
        if (strcmp(dataset_class(t->val, i), dataset_class(t->data, i)) != 0)
            return fail(ERR_DATA, "%s: class %d is \"%s\", in %s it is \"%s\"", t->job->data.val, i, dataset_class(t->val, i),
                        t->job->data.train, dataset_class(t->data, i));
    return dataset_check_halves(t->data, t->val);
}

static err check_sizes(const trainer *t) {
    const job *j = t->job;
    int64_t count = dataset_count(t->data);
    if (dataset_n_classes(t->data) == 1)
        return fail(ERR_DATA, "%s: has one class only, \"%s\": there is nothing to learn from it", j->data.train,
                    dataset_class(t->data, 0));
    if (j->train.batch > count)
        return fail(ERR_USAGE, "%s: train.batch %" PRId64 " is larger than the set: %s has %" PRId64 " samples",
                    job_place(j, "train.batch"), j->train.batch, j->data.train, count);
    if (j->model.classes < dataset_n_classes(t->data))
        return fail(ERR_USAGE, "%s: model.classes %d: %s has %d classes", job_place(j, "model.classes"), j->model.classes, j->data.train,
                    dataset_n_classes(t->data));
    return OK;
}

static err guard_data(const job *j) {
    err code = dataset_guard(j->data.train);
    return code == OK && j->data.val ? dataset_guard(j->data.val) : code;
}

static err open_data(trainer *t) {
    job *j = t->job;
    err code = dataset_open(&t->data, j->data.train);
    if (code == OK && j->data.val)
        code = dataset_open(&t->val, j->data.val);
    if (code == OK && evaluate_shape(t->data, &j->data.augment, &t->image) != OK)
        code = err_prefix("%s: data.augment: %s", job_place(j, "data.augment"), j->data.train);
    if (code == OK && t->val)
        code = check_val(t);
    if (code != OK)
        return code;
    resolve_from_data(j, t->data);
    code = check_sizes(t);
    return code == OK ? check_normalisation(j, dataset_channels(t->data)) : code;
}

static void count_steps(trainer *t) {
    const job *j = t->job;
    t->order = (sampler){.count = dataset_count(t->data),
                         .batch = j->train.batch,
                         .shuffle = j->data.shuffle,
                         .block = j->data.shuffle_block,
                         .lanes = j->train.lanes,
                         .drop_last = j->data.drop_last,
                         .seed = j->train.seed};
    t->steps_per_epoch = sampler_steps(&t->order);
    bool beyond = j->train.epochs > INT64_MAX / t->steps_per_epoch;
    t->last_step = beyond ? INT64_MAX : j->train.epochs * t->steps_per_epoch;
    if (j->train.max_steps > 0 && j->train.max_steps < t->last_step)
        t->last_step = j->train.max_steps;
}

/* ---- network ---- */

static err make_network(trainer *t) {
    const job *j = t->job;
    err code = build_model(&t->model, j, t->image, j->data.mean, j->data.std);
    if (code == OK)
        code = norms_check(t->model->graph, j, &t->order, t->last_step, comm_size(comm_world()));
    if (code == OK)
        code = optim_new(&t->optim, t->model->graph, &j->optimizer);
    return code;
}

static err make_engine(trainer *t) {
    const job *j = t->job;
    engine_options options = {
        .lanes = j->train.lanes,
        .batch = j->train.batch,
        .training = true,
        .optim = t->optim,
        .guarded = strcmp(j->train.on_nonfinite, "stop") != 0,
        .recompute = j->train.recompute,
        .norm = j->train.sync_batchnorm,
        .gradients = dist_find_format(j->comm.gradients),
        .seed = j->train.seed,
    };
    return engine_new(&t->engine, t->model, &options);
}

/* ---- run folder ---- */

/* Before a checkpoint is read: what the run goes on from must not change under its hands. A run that is resumed may well be the successor
 * of one that was just killed; a new one has no business where another lives. */
static err take_folder(trainer *t, const train_options *options) {
    place_phase("taking the run folder");
    err code = OK;
    if (comm_is_root())
        code = owner_take(&t->owner, t->folder, options->resume ? owner_patience : 0);
    if (comm_is_root() && code == OK)
        code = ckpt_clear_leftovers(t->folder);
    return comm_agree(comm_world(), code);
}

static err open_folder(trainer *t, const train_options *options) {
    if (!comm_is_root())
        return OK;
    err code = folder_prepare(t->owner, t->folder, options->resume, options->resume_from);
    if (code != OK)
        return code;
    char *yaml = job_text(t->job), *log = text_format("%s/log.txt", t->folder);
    code = folder_write_job(t->folder, yaml);
    if (code == OK && !log_open(log))
        code = fail(ERR_IO, "%s: cannot be written", log);
    if (code == OK)
        code = records_open(&t->records, t->folder);
    if (code == OK && options->resume)
        code = records_resume(t->records, t->step);
    mem_free(yaml);
    mem_free(log);
    return code;
}

static err open_quarantines(trainer *t) {
    const job *j = t->job;
    err code = quarantine_open(&t->bad, t->data, j->data.train, j->data.max_bad, t->folder);
    if (code == OK && t->val)
        code = quarantine_open(&t->bad_val, t->val, j->data.val, j->data.max_bad, t->folder);
    return code;
}

/* Last of all: it takes long, and whatever is wrong with the job should be found before. */
static err stage_data(trainer *t) {
    dataset *sets[] = {t->data, t->val};
    stage_options options = {t->job->data.stage, sets, t->val ? 2 : 1, comm_world(), signals_stop};
    if (!options.folder)
        return OK;
    place_phase("copying the data");
    return dataset_stage(&options);
}

/* The path without slashes at its end, so that names can be made from it. */
static char *run_folder(const job *j, const char *out) {
    char *folder = out ? mem_string(out) : text_format("runs/%s", j->name);
    for (size_t end = strlen(folder); end > 1 && folder[end - 1] == '/'; end--)
        folder[end - 1] = '\0';
    return folder;
}

/* A job file may differ from node to node. */
static err check_same_job(const job *j) {
    char *text = job_text(j);
    bool same = comm_same(comm_world(), text, strlen(text));
    mem_free(text);
    return same ? OK : fail(ERR_USAGE, "ranks have read different jobs: is the job file the same on every node?");
}

/* Values, gradients and optimiser slots. */
static size_t checkpoint_bytes(const trainer *t) {
    const graph *g = t->model->graph;
    return sizeof(float) * (size_t)(graph_trained_size(g) * (1 + optim_n_slots(t->optim)) + graph_fixed_size(g));
}

/* The data, the same on all ranks. */
static err agree_on_data(trainer *t) {
    place_phase("opening the data");
    err code = comm_agree(comm_world(), guard_data(t->job));
    if (code == OK)
        code = comm_agree(comm_world(), open_data(t));
    if (code == OK)
        code = check_same_job(t->job);
    if (code == OK)
        code = evaluate_check_same(t->data, t->job->data.train, &t->data_fingerprint);
    uint64_t val = ~t->data_fingerprint;
    if (code == OK && t->val)
        code = evaluate_check_same(t->val, t->job->data.val, &val);
    if (code == OK && val == t->data_fingerprint)
        log_warn("%s and %s hold the same samples: what is measured is what was learnt by heart; pack a part of them as val",
                 t->job->data.train, t->job->data.val);
    return code == OK ? boundary_check_signals() : code;
}

static err prepare_network(trainer *t) {
    place_phase("building the network");
    count_steps(t);
    err code = comm_agree(comm_world(), make_network(t));
    if (code == OK)
        code = make_engine(t);
    if (code == OK)
        code = save_prepare(t);
    if (code == OK)
        deadline_init(&t->deadline, t->job->train.max_seconds, checkpoint_bytes(t));
    return code;
}

err setup_run(trainer *t, const train_options *options) {
    t->past = ckpt_info_new();
    t->folder = run_folder(t->job, options->out);
    t->ranks = launch_gather();
    err code = check_same_job(t->job);
    if (code == OK)
        code = watchdog_start(&t->watchdog, t->job->train.stall_seconds);
    if (code == OK)
        code = agree_on_data(t);
    if (code == OK)
        code = prepare_network(t);
    if (code == OK)
        code = take_folder(t, options);
    if (code == OK)
        code = begin_state(t, options);
    if (code == OK)
        code = comm_agree(comm_world(), open_folder(t, options));
    if (code == OK)
        code = save_start(t);
    if (code == OK)
        code = open_quarantines(t);
    if (code != OK)
        return code;
    h5_guard_stop(); /* what is read from now on is this run's own */
    announce_run(t);
    folder_check_shared(t->folder);
    code = stage_data(t);
    if (code == OK)
        code = boundary_check_log();
    return code == OK ? boundary_check_signals() : code;
}

void setup_free(trainer *t) {
    save_end(t);
    watchdog_stop(t->watchdog);
    loader_stop(t->loader);
    engine_free(t->engine);
    snapshot_reset(&t->snapshot);
    optim_free(t->optim);
    model_free(t->model);
    quarantine_close(t->bad);
    quarantine_close(t->bad_val);
    dataset_close(t->data);
    dataset_close(t->val);
    records_close(t->records);
    owner_release(t->owner);
    mem_free(t->ranks);
    mem_free(t->folder);
    ckpt_info_reset(&t->past);
}
