#include "train/restore.h"

#include <string.h>

#include "comm/comm.h"
#include "train/build.h"
#include "train/engine.h"
#include "train/weights.h"

static err read_info(restored *r, const char *checkpoint, const weights_options *weights) {
    err code = ckpt_read_info(checkpoint, &r->info);
    if (code == OK && !r->info.job)
        return weights_describe(&r->info, checkpoint, weights);
    if (code == OK && weights->model)
        code = fail(ERR_USAGE, "%s: holds its own job, with model and statistics: --model is for files that hold weights only", checkpoint);
    return code;
}

err restore_job(job **out, const char *yaml, const char *checkpoint) {
    err code = job_parse(out, yaml, checkpoint, NULL, 0);
    if (code != ERR_USAGE)
        return code;
    err_last()->code = ERR_DATA;
    return err_prefix("the job that a checkpoint holds");
}

/* Model and memory for the values, from the job and the shape of pictures that the file names. */
static err build(restored *r, const char *checkpoint) {
    err code = restore_job(&r->job, r->info.job, checkpoint);
    shape image = {r->info.image[0], r->info.image[1], r->info.image[2]};
    if (code == OK)
        code = build_model(&r->model, r->job, image, r->info.mean, r->info.std);
    return code;
}

err restore_here(restored *r, const char *checkpoint, const weights_options *weights) {
    err code = read_info(r, checkpoint, weights);
    if (code == OK)
        code = build(r, checkpoint);
    if (code == OK)
        code = ckpt_read_model(checkpoint, r->model->graph, false, NULL);
    if (code != OK)
        restore_free(r);
    return code;
}

/* Sends what the other ranks need of rank 0's info; class names stay there. */
static void share_info(ckpt_info *info) {
    comm *world = comm_world();
    size_t length = info->job ? strlen(info->job) + 1 : 0;
    comm_broadcast(world, 0, &length, sizeof length);
    if (comm_rank(world) != 0)
        info->job = mem_new(length, 1);
    comm_broadcast(world, 0, info->job, length);
    comm_broadcast(world, 0, &info->step, sizeof info->step);
    comm_broadcast(world, 0, &info->epoch, sizeof info->epoch);
    comm_broadcast(world, 0, info->image, sizeof info->image);
    comm_broadcast(world, 0, info->mean, sizeof info->mean);
    comm_broadcast(world, 0, info->std, sizeof info->std);
}

err restore_everywhere(restored *r, const char *checkpoint, const weights_options *weights) {
    bool root = comm_is_root();
    err code = comm_agree(comm_world(), root ? read_info(r, checkpoint, weights) : OK);
    if (code == OK) {
        share_info(&r->info);
        code = comm_agree(comm_world(), build(r, checkpoint));
    }
    if (code == OK)
        code = comm_agree(comm_world(), root ? ckpt_read_model(checkpoint, r->model->graph, false, NULL) : OK);
    if (code == OK)
        engine_share_state(r->model->graph, NULL);
    else
        restore_free(r);
    return code;
}

void restore_free(restored *r) {
    model_free(r->model);
    job_free(r->job);
    ckpt_info_reset(&r->info);
    *r = (restored){0};
}
