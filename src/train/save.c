/* Checkpoints of a run: rank 0 writes, all agree that it went well. */
#include <inttypes.h>
#include <math.h>

#include "train/folder.h"
#include "train/trainer.h"

static bool is_finite(const float *values, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return false;
    return true;
}

static err write_as(trainer *t, const char *name) {
    char *path = text_format("%s/%s", t->folder, name);
    ckpt_info info = t->past; /* its lists stay the trainer's */
    info.step = info.updates = t->step;
    info.epoch = t->step / t->steps_per_epoch - t->evaluation_due;
    info.seed = t->job->train.seed;
    info.lanes = t->job->train.lanes;
    info.batch = t->job->train.batch;
    info.data_fingerprint = t->data_fingerprint;
    info.job = job_text(t->job);
    info.n_classes = dataset_n_classes(t->data);
    info.classes = mem_new((size_t)info.n_classes, sizeof *info.classes);
    for (int i = 0; i < info.n_classes; i++)
        info.classes[i] = mem_string(dataset_class(t->data, i));
    const int image[3] = {(int)t->image.h, (int)t->image.w, (int)t->image.c};
    for (int c = 0; c < 3; c++) {
        info.image[c] = image[c];
        info.mean[c] = t->job->data.mean[c];
        info.std[c] = t->job->data.std[c];
    }
    ckpt_state state = ckpt_state_of(t->model->graph, t->optim);
    err code = ckpt_write(path, &state, &info);
    mem_free_strings(info.classes, (size_t)info.n_classes);
    mem_free(info.job);
    mem_free(path);
    return code;
}

/* A second name for last.h5 where the file system can, otherwise a second file. */
static err also_as(trainer *t, const char *name) {
    return folder_link(t->folder, "last.h5", name) == OK ? OK : write_as(t, name);
}

static err write_numbered(trainer *t) {
    char *name = text_format("step-%" PRId64 ".h5", t->step);
    err code = also_as(t, name);
    if (code == OK)
        ckpt_prune(t->folder, t->job->checkpoint.keep);
    mem_free(name);
    return code;
}

err save_checkpoint(trainer *t, bool numbered) {
    double start = time_now();
    err code = OK;
    place_phase("checkpoint");
    if (comm_is_root()) {
        graph *g = t->model->graph;
        if (!is_finite(graph_values(g), graph_trained_size(g) + graph_fixed_size(g)))
            code = fail(ERR_BROKEN,
                        "parameters are not finite after step %" PRId64 ": nothing was saved, %s/last.h5 is the state before; "
                        "a lower lr or a warmup may help",
                        t->step, t->folder);
        if (code == OK)
            code = write_as(t, "last.h5");
        if (code == OK && numbered && t->job->checkpoint.keep > 0)
            code = write_numbered(t);
    }
    code = comm_agree(comm_world(), code);
    t->last_save = time_now();
    deadline_add_save(&t->deadline, t->last_save - start);
    return code;
}

err save_best(trainer *t) {
    return comm_agree(comm_world(), comm_is_root() ? also_as(t, "best.h5") : OK);
}
