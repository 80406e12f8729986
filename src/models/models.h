/* models: one file an architecture family, written with <shoal/model.h> only, and the table of names. */
#ifndef SHOAL_MODELS_H
#define SHOAL_MODELS_H

#include <shoal/model.h>

#include "base/base.h"

/* All models, registered ones last. */
int models_count(void);
const shoal_model_kind *models_at(int index);

/* ERR_USAGE with the nearest name where there is none of this name. */
err models_find(const shoal_model_kind **out, const char *name);

/* ---- the families ---- */

typedef struct model_family {
    const shoal_model_kind *kinds;
    int count;
} model_family;

extern const model_family models_lenet;
extern const model_family models_vgg;
extern const model_family models_resnet;
extern const model_family models_resnet_cifar;

#endif
