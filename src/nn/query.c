/* What a build function may ask the network that it is building. After an error the answers are harmless: 1, or an option's default. */
#include "nn/internal.h"

int64_t shoal_classes(const shoal_model *m) {
    return m->spec->classes;
}

static shape shape_of(const shoal_model *m, shoal_tensor x) {
    bool exists = !m->error && x.index >= 0 && x.index < m->n_values;
    return exists ? m->values[x.index]->out : (shape){1, 1, 1};
}

int64_t shoal_channels(const shoal_model *m, shoal_tensor x) {
    return shape_of(m, x).c;
}

int64_t shoal_height(const shoal_model *m, shoal_tensor x) {
    return shape_of(m, x).h;
}

int64_t shoal_width(const shoal_model *m, shoal_tensor x) {
    return shape_of(m, x).w;
}

double shoal_option(shoal_model *m, const char *name) {
    double value = 0;
    if (!options_value(m->spec, name, &value))
        shoal_error(m, "%s asks for its option \"%s\", which it does not list", m->spec->kind->name, name);
    return value;
}

const void *shoal_config(const shoal_model *m) {
    return m->spec->kind->config;
}
