/* For tests: the options of a kind from their names, `OPTIONS(kind, {"momentum", {0.9}})`, and transforms,
 * `TRANSFORM("random_crop", {"size", {8}}, {"padding", {2}})`. What is not named is 0. */
#ifndef SHOAL_TESTS_MAKE_OPTIONS_H
#define SHOAL_TESTS_MAKE_OPTIONS_H

#include <string.h>

#include "image/image.h"

typedef struct made_option {
    const char *name;
    double value[2]; /* the second of a pair */
} made_option;

/* Up to an option without a name. They are overwritten once hundreds of others were made. */
static inline void *made_options(const option_kind *kind, const made_option *options) {
    enum { ROOM = 256, MOST = 400 };
    static _Alignas(16) unsigned char rooms[MOST][ROOM];
    static int used;
    void *values = memset(rooms[used++ % MOST], 0, ROOM);
    for (; options->name; options++) {
        const option *o = option_find(kind, options->name);
        if (o && (o->type == OPTION_RANGE || o->type == OPTION_PAIR))
            memcpy(option_member(o, values), options->value, sizeof options->value);
        else
            option_set_number(kind, values, options->name, options->value[0]);
    }
    return values;
}

static inline transform made_transform(const char *name, const made_option *options) {
    const option_kind *kind = option_find_kind(transform_kind_at, name);
    return (transform){kind, made_options(kind, options)};
}

#define OPTIONS(kind, ...) made_options(kind, (const made_option[]){__VA_ARGS__, {NULL, {0}}})
#define TRANSFORM(kind, ...) made_transform(kind, (const made_option[]){__VA_ARGS__, {NULL, {0}}})

#endif
