/* From a job to a trainer that stands at its first step. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "train/build.h"
#include "train/evaluate.h"
#include "train/folder.h"
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
        return fail(ERR_USAGE, "%s: data.std has %d numbers, the pictures of %s have %d channels", job_place(j, "data.std"),
                    j->data.n_std, j->data.train, channels);
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
    return OK;
}

static err check_sizes(const trainer *t) {
    const job *j = t->job;
    int64_t count = dataset_count(t->data);
    if (j->train.batch > count)
        return fail(ERR_USAGE, "%s: train.batch %" PRId64 " is larger than the set: %s has %" PRId64 " samples",
                    job_place(j, "train.batch"), j->train.batch, j->data.train, count);
    if (j->model.classes < dataset_n_classes(t->data))
        return fail(ERR_USAGE, "%s: model.classes %d: %s has %d classes", job_place(j, "model.classes"), j->model.classes, j->data.train,
                    dataset_n_classes(t->data));
    return OK;
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
                         .drop_last = j->data.drop_last,
                         .seed = j->train.seed};
    t->steps_per_epoch = sampler_steps(&t->order);
    t->last_step = j->train.epochs * t->steps_per_epoch;
    if (j->train.max_steps > 0 && j->train.max_steps < t->last_step)
        t->last_step = j->train.max_steps;
}

/* ---- network ---- */

static err make_network(trainer *t) {
    const job *j = t->job;
    err code = build_model(&t->model, j, t->image, j->data.mean, j->data.std);
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
        .recompute = j->train.recompute,
        .norm = j->train.sync_batchnorm,
        .gradients = dist_find_format(j->comm.gradients),
        .seed = j->train.seed,
    };
    return engine_new(&t->engine, t->model, &options);
}

/* ---- where the run begins ---- */

static err check_same_run(trainer *t, const ckpt_info *info, const char *path) {
    if (!info->job)
        return fail(ERR_DATA, "%s: holds weights only and cannot be resumed: use init.from", path);
    job *before = NULL;
    err code = job_parse(&before, info->job, path, NULL, 0);
    if (code == OK && info->data_fingerprint != t->data_fingerprint)
        code = fail(ERR_USAGE, "%s: data.train: %s does not hold the samples that %s was trained on (data.train there: %s)",
                    job_place(t->job, "data.train"), t->job->data.train, path, before->data.train);
    if (code == OK)
        code = job_check_resume(t->job, before);
    job_free(before);
    return code;
}

/* Rank 0: the state of a checkpoint of this run. */
static err read_checkpoint(trainer *t, const char *path) {
    ckpt_info info = {0};
    err code = ckpt_read_info(path, &info);
    if (code == OK)
        code = check_same_run(t, &info, path);
    if (code == OK && info.step > t->last_step)
        code = fail(ERR_USAGE, "%s stands at step %" PRId64 ", the job ends at step %" PRId64 " (train.epochs, train.max_steps)", path,
                    info.step, t->last_step);
    if (code == OK)
        code = ckpt_read_model(path, t->model->graph, false, NULL);
    if (code == OK)
        code = ckpt_read_optimizer(path, t->model->graph, t->optim);
    t->step = info.step;
    t->best_top1 = info.best_top1;
    t->best_step = info.best_step;
    ckpt_info_reset(&info);
    return code;
}

static err resume(trainer *t, const char *from) {
    char *newest = NULL;
    err code = from ? OK : ckpt_find_newest(t->folder, &newest);
    const char *path = from ? from : newest;
    if (code == OK)
        code = read_checkpoint(t, path);
    if (code == OK)
        log_info("resuming from %s at step %" PRId64, path, t->step);
    mem_free(newest);
    return code;
}

static err load_weights(trainer *t) {
    int kept = 0;
    err code = ckpt_read_model(t->job->init.from, t->model->graph, t->job->init.replace_head, &kept);
    if (code == OK)
        log_info("weights from %s; %d tensors of the head start anew", t->job->init.from, kept);
    return code;
}

/* Rank 0's state is everybody's: nodes of unlike libraries would draw unlike initial values. */
static err set_state(trainer *t, const train_options *options) {
    bool from_file = options->resume || t->job->init.from;
    if (!from_file || t->job->init.replace_head)
        model_init(t->model, t->job->train.seed);
    err code = OK;
    if (comm_is_root() && from_file)
        code = options->resume ? resume(t, options->resume_from) : load_weights(t);
    code = comm_agree(comm_world(), code);
    if (code != OK)
        return code;
    engine_share_state(t->model->graph, t->optim);
    comm_broadcast(comm_world(), 0, &t->step, sizeof t->step);
    comm_broadcast(comm_world(), 0, &t->best_top1, sizeof t->best_top1);
    comm_broadcast(comm_world(), 0, &t->best_step, sizeof t->best_step);
    return OK;
}

/* ---- run folder ---- */

static err open_folder(trainer *t, const train_options *options) {
    if (!comm_is_root())
        return OK;
    err code = folder_prepare(t->folder, options->resume);
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

/* ---- what is said at the start ---- */

static int64_t trained_parameters(const graph *g) {
    int64_t count = 0;
    for (int i = 0; i < graph_n_params(g); i++)
        if (param_is_trained(graph_param(g, i)))
            count += graph_param(g, i)->size;
    return count;
}

static void announce(const trainer *t) {
    const job *j = t->job;
    int ranks = comm_size(comm_world()), threads = threads_count();
    char parameters[TEXT_NUMBER], train[TEXT_NUMBER], val[TEXT_NUMBER], memory[TEXT_NUMBER], image[SHAPE_TEXT];
    log_info("%s: %s, %s parameters trained, %d classes, pictures %s", j->name, j->model.name,
             text_count(parameters, trained_parameters(t->model->graph)), t->model->classes, shape_text(image, t->image));
    log_info("data: %s training and %s validation samples", text_count(train, t->order.count),
             text_count(val, t->val ? dataset_count(t->val) : 0));
    log_info("batch: %" PRId64 " global = %d lanes x %g; %d ranks x %g; %d threads a rank; activations %s a rank", j->train.batch,
             j->train.lanes, (double)j->train.batch / j->train.lanes, ranks, (double)j->train.batch / ranks, threads,
             text_bytes(memory, graph_activation_bytes(t->engine->run)));
    log_info("steps: %" PRId64 " an epoch, %" PRId64 " in all; %s, lr %g", t->steps_per_epoch, t->last_step, j->optimizer.name,
             j->optimizer.lr);
    int64_t dropped = t->order.count - t->steps_per_epoch * j->train.batch;
    if (j->data.drop_last && dropped > 0)
        log_info("each epoch leaves out %" PRId64 " of %s samples, the remainder of the last batch (data.drop_last: false takes them)",
                 dropped, train);
    if (ranks * threads > j->train.lanes)
        log_warn("%d ranks x %d threads share %d lanes: %d threads have nothing to do; more train.lanes would use them", ranks, threads,
                 j->train.lanes, ranks * threads - j->train.lanes);
    if (j->train.sync_batchnorm == NORM_RANK)
        log_warn("train.sync_batchnorm: rank makes the result depend on the number of ranks");
    if (ranks > 1 && dist_find_format(j->comm.gradients) != DIST_FLOAT32)
        log_warn("comm.gradients: %s rounds what ranks exchange: the result depends on the number of ranks", j->comm.gradients);
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

err setup_run(trainer *t, const train_options *options) {
    comm *world = comm_world();
    t->best_top1 = -1;
    t->folder = run_folder(t->job, options->out);
    err code = comm_agree(world, open_data(t));
    if (code == OK)
        code = check_same_job(t->job);
    if (code == OK)
        code = evaluate_check_same(t->data, t->job->data.train, &t->data_fingerprint);
    if (code == OK && t->val)
        code = evaluate_check_same(t->val, t->job->data.val, NULL);
    if (code == OK) {
        count_steps(t);
        code = comm_agree(world, make_network(t));
    }
    if (code == OK)
        code = make_engine(t);
    if (code == OK)
        code = set_state(t, options);
    if (code == OK)
        code = comm_agree(world, open_folder(t, options));
    if (code == OK)
        announce(t);
    return code;
}

void setup_free(trainer *t) {
    loader_stop(t->loader);
    engine_free(t->engine);
    optim_free(t->optim);
    model_free(t->model);
    dataset_close(t->data);
    dataset_close(t->val);
    records_close(t->records);
    mem_free(t->folder);
}
