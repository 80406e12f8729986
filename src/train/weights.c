/* A file that holds weights and no job: what is missing comes from the command line, the file's own tensors, and a data set. */
#include "train/weights.h"

#include <string.h>

#include "data/data.h"
#include "models/models.h"
#include "train/build.h"

/* What becomes the file's info. */
typedef struct described {
    const shoal_model_kind *kind;
    const weights_options *o;
    dataset *like; /* NULL: none */
    shape picture; /* as the network takes it */
    int classes;
} described;

enum { USUAL_RESIZE = 64 }; /* pictures above this size are cut out of larger ones, 224 out of 256 */

static void find_picture(described *d) {
    shape stored = d->like ? dataset_image_shape(d->like) : (shape){0, 0, d->kind->channels};
    bool sized = stored.h > 0;
    d->picture = (shape){sized ? stored.h : d->kind->size, sized ? stored.w : d->kind->size, stored.c};
}

/* Model, classes and the usual preparation of pictures, as a job. New string. */
static char *make_job(const described *d) {
    char *options = mem_string(""), *eval = mem_string("");
    for (int i = 0; i < d->o->n_options; i++)
        text_append(&options, text_format(", \"%s\": %.17g", d->o->options[i].name, d->o->options[i].value));
    int size = (int)d->picture.h;
    if (d->picture.h == d->picture.w) {
        mem_free(eval);
        bool cut = size > USUAL_RESIZE && !(d->like && !dataset_is_encoded(d->like));
        eval = text_format("resize: {size: %d}, center_crop: {size: %d}", cut ? size * 8 / 7 : size, size);
    }
    char *job = text_format("name: weights\nmodel: {name: \"%s\", classes: %d%s}\ndata: {train: weights, eval: [%s]}\n"
                            "train: {epochs: 1, batch: 64}\noptimizer: {lr: 0}\n",
                            d->kind->name, d->classes, options, eval);
    mem_free(options);
    mem_free(eval);
    return job;
}

static err take_statistics(ckpt_info *info, const described *d, const char *path) {
    const weights_options *o = d->o;
    int channels = (int)d->picture.c;
    if (!d->like && (o->n_mean == 0 || o->n_std == 0))
        return fail(ERR_USAGE,
                    "%s: weights do not say how pictures were normalised: give --data SET, whose mean and std are taken, or --mean "
                    "and --std (ImageNet's usual: --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225)",
                    path);
    if ((o->n_mean != 0 && o->n_mean != channels) || (o->n_std != 0 && o->n_std != channels))
        return fail(ERR_USAGE, "--mean and --std need %d number%s: pictures have %d channel%s", channels, text_plural(channels), channels,
                    text_plural(channels));
    memcpy(info->mean, o->n_mean ? o->mean : dataset_mean(d->like), (size_t)channels * sizeof(float));
    memcpy(info->std, o->n_std ? o->std : dataset_std(d->like), (size_t)channels * sizeof(float));
    for (int c = 0; c < channels; c++)
        if (!(info->std[c] > 0))
            return fail(ERR_USAGE, "%s: the std of channel %d is %g, not above 0: give --std", path, c, (double)info->std[c]);
    return OK;
}

/* Names where they are those of the network's outputs. */
static void take_classes(ckpt_info *info, const described *d) {
    if (!d->like || dataset_n_classes(d->like) != d->classes)
        return;
    info->n_classes = d->classes;
    info->classes = mem_new((size_t)d->classes, sizeof *info->classes);
    for (int i = 0; i < d->classes; i++)
        info->classes[i] = mem_string(dataset_class(d->like, i));
}

/* As many as the file's last layer has outputs: a network of any number of classes tells which layer that is. */
static err find_classes(described *d, const char *path) {
    model_spec spec = {
        .kind = d->kind, .classes = d->kind->classes, .image = d->picture, .options = d->o->options, .n_options = d->o->n_options};
    model *m = NULL;
    d->classes = d->kind->classes;
    err code = model_build(&m, &spec);
    if (code == OK)
        code = ckpt_read_outputs(path, m->graph, &d->classes);
    model_free(m);
    return code;
}

err weights_describe(ckpt_info *info, const char *path, const weights_options *o) {
    described d = {.o = o};
    if (!o->model)
        return fail(ERR_DATA, "%s: holds weights but no job: --model NAME says of which network (`shoal model` lists them)", path);
    err code = models_find(&d.kind, o->model);
    if (code == OK && o->like)
        code = dataset_open(&d.like, o->like);
    if (code == OK) {
        find_picture(&d);
        code = find_classes(&d, path);
    }
    if (code == OK)
        code = take_statistics(info, &d, path);
    if (code == OK) {
        info->image[0] = (int)d.picture.h;
        info->image[1] = (int)d.picture.w;
        info->image[2] = (int)d.picture.c;
        info->job = make_job(&d);
        take_classes(info, &d);
    }
    dataset_close(d.like);
    return code;
}
