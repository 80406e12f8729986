/* Models by name: ours, then those that the user's program registered. */
#include <string.h>

#include "models/models.h"

static const model_family *const families[] = {&models_lenet, &models_vgg, &models_resnet, &models_resnet_cifar};
enum { N_FAMILIES = sizeof families / sizeof *families };

static const shoal_model_kind **registered;
static int n_registered;

static int n_built_in(void) {
    int count = 0;
    for (int i = 0; i < N_FAMILIES; i++)
        count += families[i]->count;
    return count;
}

int models_count(void) {
    return n_built_in() + n_registered;
}

const shoal_model_kind *models_at(int index) {
    for (int i = 0; i < N_FAMILIES; i++) {
        if (index < families[i]->count)
            return &families[i]->kinds[index];
        index -= families[i]->count;
    }
    return registered[index];
}

static const shoal_model_kind *kind_named(const char *name) {
    for (int i = 0; i < models_count(); i++)
        if (strcmp(models_at(i)->name, name) == 0)
            return models_at(i);
    return NULL;
}

static err no_such_model(const char *name) {
    size_t count = (size_t)models_count();
    const char **names = mem_new(count, sizeof *names);
    for (size_t i = 0; i < count; i++)
        names[i] = models_at((int)i)->name;
    char hint[128];
    text_suggest(hint, name, names, count, sizeof *names);
    mem_free(names);
    return fail(ERR_USAGE, "there is no model \"%s\"%s", name, hint);
}

err models_find(const shoal_model_kind **out, const char *name) {
    *out = kind_named(name);
    return *out ? OK : no_such_model(name);
}

int shoal_register_model(const shoal_model_kind *kind) {
    if (kind_named(kind->name))
        return -1;
    registered = mem_resize(registered, (size_t)n_registered + 1, sizeof *registered);
    registered[n_registered++] = kind;
    return 0;
}
