/* One rank, one picture at a time, through the same graph as evaluation. */
#include <math.h>
#include <string.h>

#include "train/evaluate.h"
#include "train/restore.h"

struct predictor {
    restored net;
    graph_run *run;
    batch_store batch; /* of one sample; of its fields all but the picture stay 0 */
    void *memory;
    byte_buffer file;
    image picture, spare;
};

static void make_batch(predictor *p) {
    const graph *g = p->net.model->graph;
    p->memory = mem_new(1, batch_store_bytes(graph_fields(g), graph_n_fields(g), 1));
    batch_store_init(&p->batch, graph_fields(g), graph_n_fields(g), 1, 1, p->memory);
    batch_store_lay_out(&p->batch, &(int64_t){0});
    p->batch.batch.size = p->batch.present[0] = 1;
}

err predictor_open(predictor **out, const char *checkpoint, const weights_options *weights) {
    predictor *p = mem_new(1, sizeof *p);
    err code = restore_here(&p->net, checkpoint, weights);
    if (code == OK)
        code = graph_run_new(&p->run, p->net.model->graph, &(graph_run_options){.lanes = 1, .last_lane = 1, .lane_capacity = 1});
    if (code == OK)
        make_batch(p);
    *out = p;
    if (code != OK) {
        predictor_close(p);
        *out = NULL;
    }
    return code;
}

void predictor_close(predictor *p) {
    if (!p)
        return;
    graph_run_free(p->run);
    restore_free(&p->net);
    batch_store_reset(&p->batch);
    mem_free(p->memory);
    byte_buffer_reset(&p->file);
    image_reset(&p->picture);
    image_reset(&p->spare);
    mem_free(p);
}

static err load_picture(predictor *p, const char *path) {
    const option_list *eval = &p->net.job->data.eval;
    shape want = p->net.model->image;
    err code = byte_buffer_read(&p->file, path);
    if (code != OK)
        return code;
    shape stored = {0, 0, want.c}; /* height and width 0: a file */
    code = transforms_load(eval->list, eval->count, &p->file, stored, (rng_key){0}, &p->picture, &p->spare);
    if (code != OK)
        return err_prefix("%s", path);
    if (p->picture.width == want.w && p->picture.height == want.h)
        return OK;
    char text[SHAPE_TEXT];
    return fail(ERR_DATA, "%s: %d x %d pixels after data.eval, the network takes %s: resize it, or train with a resize and a "
                "crop in data.eval", path, p->picture.width, p->picture.height, shape_text(text, want));
}

/* Softmax of the logits into the predictions' probabilities, in double; the list is in order of labels. */
static void soften(const predictor *p, const float *logits, prediction *all) {
    int classes = p->net.model->classes;
    double largest = logits[0], sum = 0;
    for (int i = 1; i < classes; i++)
        largest = fmax(largest, logits[i]);
    for (int i = 0; i < classes; i++)
        sum += exp(logits[i] - largest);
    for (int i = 0; i < classes; i++) {
        const char *name = i < p->net.info.n_classes ? p->net.info.classes[i] : "";
        all[i] = (prediction){i, name, exp(logits[i] - largest) / sum};
    }
}

/* Moves the most likely of all[from…count) to all[from]; the lower label where two are equal. */
static void select_best(prediction *all, int from, int count) {
    int best = from;
    for (int i = from + 1; i < count; i++)
        if (all[i].probability > all[best].probability ||
            (all[i].probability == all[best].probability && all[i].label < all[best].label))
            best = i;
    prediction chosen = all[best];
    all[best] = all[from];
    all[from] = chosen;
}

err predictor_run(predictor *p, const char *path, int top, prediction *out, int *count) {
    err code = load_picture(p, path);
    if (code != OK)
        return code;
    const graph *g = p->net.model->graph;
    int images = field_find(graph_fields(g), graph_n_fields(g), "images");
    memcpy(batch_store_at(&p->batch, images, 0), p->picture.pixels, field_bytes(&graph_fields(g)[images]));
    graph_forward(p->run, &p->batch.batch, false);
    int classes = p->net.model->classes;
    prediction *all = mem_new((size_t)classes, sizeof *all);
    soften(p, graph_output(p->run, p->net.model->logits, 0), all);
    *count = top < classes ? top : classes;
    for (int i = 0; i < *count; i++) {
        select_best(all, i, classes);
        out[i] = all[i];
    }
    mem_free(all);
    return OK;
}
