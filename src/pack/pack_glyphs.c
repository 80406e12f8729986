/* Packs the default data set, the drawings of glyphs.h. */
#include "pack/glyphs.h"
#include "pack/internal.h"

enum { TRAIN_COUNT = 20000, VAL_COUNT = 4000 };

static err draw_set(dataset_pair *p, split part, const pack_options *options, char *const *classes) {
    glyphs_set set = {.seed = options->seed, .split = part, .count = part == TRAIN ? TRAIN_COUNT : VAL_COUNT};
    err code = dataset_pair_begin(p, part,
                                  &(dataset_writer_options){
                                      .folder = options->out,
                                      .classes = classes,
                                      .n_classes = GLYPHS_CLASSES,
                                      .image = {GLYPHS_SIDE, GLYPHS_SIDE, 3},
                                      .channels = 3,
                                      .count = set.count,
                                  });
    for (int64_t i = 0; code == OK && i < set.count; i++) {
        uint8_t pixels[GLYPHS_BYTES];
        glyphs_draw(&set, i, pixels);
        code = dataset_writer_add(p->writers[part], pixels, sizeof pixels, glyphs_label(&set, i));
    }
    return code;
}

err pack_glyphs(const pack_options *options) {
    dataset_pair pair = {0};
    char *classes[GLYPHS_CLASSES];
    for (int k = 0; k < GLYPHS_CLASSES; k++)
        classes[k] = mem_string(glyphs_classes[k].name);
    err code = draw_set(&pair, TRAIN, options, classes);
    if (code == OK)
        code = draw_set(&pair, VAL, options, classes);
    if (code == OK)
        code = dataset_pair_finish(&pair);
    dataset_pair_free(&pair);
    for (int k = 0; k < GLYPHS_CLASSES; k++)
        mem_free(classes[k]);
    return code;
}
