#include "train/build.h"

#include <fnmatch.h>
#include <string.h>

#include "models/models.h"

/* Freezes what the pattern names; a pattern that names nothing is a mistake. */
static err freeze(const job *j, graph *g, const char *pattern) {
    int matches = 0;
    for (int i = 0; i < graph_n_params(g); i++) {
        param *p = graph_param(g, i);
        if (fnmatch(pattern, p->name, 0) == 0) {
            p->frozen = true;
            matches++;
        }
    }
    return matches > 0 ? OK : fail(ERR_USAGE, "%s: init.freeze: \"%s\" names no parameter of %s (`shoal model %s` lists layers)",
                                    job_place(j, "init.freeze"), pattern, j->model.name, j->model.name);
}

err build_model(model **out, const job *j, shape image, const float *mean, const float *std) {
    model_spec spec = {
        .classes = j->model.classes,
        .image = image,
        .mean = mean,
        .std = std,
        .label_smoothing = j->train.label_smoothing,
        .accurate_conv = strcmp(j->train.conv, "accurate") == 0,
        .options = j->model.options,
        .n_options = j->model.n_options,
    };
    *out = NULL;
    err code = models_find(&spec.kind, j->model.name);
    if (code != OK)
        return err_prefix("%s", job_place(j, "model.name"));
    code = job_check_options(j, spec.kind);
    if (code == OK)
        code = model_build(out, &spec);
    for (int i = 0; code == OK && i < j->init.n_freeze; i++)
        code = freeze(j, (*out)->graph, j->init.freeze[i]);
    if (code == OK)
        code = model_seal(*out);
    if (code != OK) {
        model_free(*out);
        *out = NULL;
    }
    return code;
}
