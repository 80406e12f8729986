/* A network from a spec: pictures, the model's layers, the loss. */
#include "nn/internal.h"
#include "ops/ops.h"

static err check_spec(const model_spec *spec) {
    if (spec->classes < 1)
        return fail(ERR_USAGE, "model.classes: %d; a network needs at least 1", spec->classes);
    return options_check(spec);
}

static shoal_tensor add_images(shoal_model *m) {
    const model_spec *spec = m->spec;
    input_attrs attrs = {.type = spec->image_type, .shape = spec->image, .mean = spec->mean, .std = spec->std};
    layer l = {&op_input, NULL, "images", &attrs, sizeof attrs};
    return builder_add(m, &l, 0, NULL);
}

static shoal_tensor add_loss(shoal_model *m, shoal_tensor logits) {
    softmax_cross_entropy_attrs attrs = {.label_smoothing = m->spec->label_smoothing};
    layer l = {&op_softmax_cross_entropy, NULL, "loss", &attrs, sizeof attrs};
    return builder_add(m, &l, 1, &logits);
}

static void check_logits(shoal_model *m, shoal_tensor logits) {
    const node *n = builder_node(m, logits);
    if (!n)
        return;
    char text[SHAPE_TEXT];
    if (m->depth)
        shoal_error(m, "shoal_enter() without shoal_leave()");
    else if (!shape_equal(n->out, (shape){1, 1, m->spec->classes}))
        shoal_error(m, "%s gives %s values a picture for %d classes", m->spec->kind->name, shape_text(text, n->out), m->spec->classes);
}

/* A layer whose output leads nowhere would never get a gradient. */
static void check_uses(shoal_model *m) {
    for (int i = 0; i < m->n_values && !m->error; i++)
        if (!m->values[i]->kind->root && graph_n_uses(m->graph, m->values[i]) == 0)
            shoal_error(m, "%s: nothing uses its output", m->values[i]->name);
}

err model_build(model **out, const model_spec *spec) {
    *out = NULL;
    err code = check_spec(spec);
    if (code != OK)
        return code;
    shoal_model m = {.spec = spec, .graph = graph_new()};
    shoal_tensor images = add_images(&m);
    shoal_tensor logits = spec->kind->build(&m, images);
    check_logits(&m, logits);
    shoal_tensor loss = add_loss(&m, logits);
    check_uses(&m);
    if (m.error) {
        graph_free(m.graph);
    } else {
        *out = mem_new(1, sizeof **out);
        **out = (model){m.graph, m.values[images.index], m.values[logits.index], m.values[loss.index], spec->image, spec->classes};
        (*out)->logits->keep = true;
    }
    builder_reset(&m);
    return m.error;
}

void model_free(model *m) {
    if (!m)
        return;
    graph_free(m->graph);
    mem_free(m);
}

err model_seal(model *m) {
    ops_fuse(m->graph);
    m->logits = m->loss->inputs[0]; /* fusing may have put another node in its place */
    return graph_seal(m->graph);
}
