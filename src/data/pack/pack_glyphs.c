/* Packs the default data set, the drawings of glyphs.h. */
#include "data/pack/glyphs.h"
#include "data/pack/pack.h"

enum { TRAIN_COUNT = 20000, VAL_COUNT = 4000 };

static err write_set(const char *folder, const char *name, const glyphs_set *set) {
    char *classes[GLYPHS_CLASSES];
    for (int k = 0; k < GLYPHS_CLASSES; k++)
        classes[k] = mem_string(glyphs_classes[k].name);
    dataset_writer *w = NULL;
    err code = dataset_writer_new(&w, &(dataset_writer_options){
                                          .folder = folder,
                                          .name = name,
                                          .classes = classes,
                                          .n_classes = GLYPHS_CLASSES,
                                          .image = {GLYPHS_SIDE, GLYPHS_SIDE, 3},
                                          .channels = 3,
                                          .count = set->count,
                                      });
    for (int64_t i = 0; code == OK && i < set->count; i++) {
        uint8_t pixels[GLYPHS_BYTES];
        glyphs_draw(set, i, pixels);
        code = dataset_writer_add(w, pixels, sizeof pixels, glyphs_label(set, i), NULL);
    }
    if (code == OK)
        code = dataset_writer_finish(w);
    dataset_writer_free(w);
    for (int k = 0; k < GLYPHS_CLASSES; k++)
        mem_free(classes[k]);
    return code;
}

err pack_glyphs(const pack_options *options) {
    err code = write_set(options->out, "train", &(glyphs_set){.seed = options->seed, .split = 0, .count = TRAIN_COUNT});
    if (code != OK)
        return code;
    return write_set(options->out, "val", &(glyphs_set){.seed = options->seed, .split = 1, .count = VAL_COUNT});
}
