/* shoal inspect: what is in a file. */
#include "cli/cli.h"
#include "h5/h5.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

typedef struct settings {
    const char *pictures;
    int64_t count;
    bool verify;
} settings;

static const cli_option options[] = {
    {"pictures", CLI_TEXT, "DIR", "data set: write pictures of it to DIR as PNG, each class in turn", offsetof(settings, pictures), 0, 0},
    {"count", CLI_WHOLE, "N", "how many pictures (10)", offsetof(settings, count), 1, 1 << 30},
    {"verify", CLI_FLAG, NULL,
     "data sets: compare every picture with its CRC and decode it; files, patterns or folders, shared among ranks",
     offsetof(settings, verify), 0, 0},
};

static void print_attributes(h5_file *f, const char *object) {
    char **names, *text;
    uint64_t count;
    if (h5_list_attributes(f, object, &names, &count) != OK)
        return;
    for (uint64_t i = 0; i < count; i++)
        if (h5_attribute_text(f, object, names[i], &text) == OK) {
            print_line("%s @%s = %s", object, names[i], text);
            mem_free(text);
        }
    mem_free_strings(names, count);
}

static void print_dataset(h5_file *f, const char *object) {
    h5_info info = {0};
    err code = h5_get_info(f, object, &info);
    print_part("%s  %s [", object, h5_type_name(info.type));
    for (int i = 0; i < info.rank && i < H5_MAX_RANK; i++)
        print_part(i ? ", %" PRIu64 : "%" PRIu64, info.size[i]);
    print_part("%s", info.rank > H5_MAX_RANK ? ", …]" : "]");
    if (code != OK)
        print_part("  (%s)", err_last()->text);
    puts("");
    err_clear();
}

static err print_object(void *context, h5_file *f, const char *object, h5_kind kind) {
    (void)context;
    if (kind == H5_DATASET)
        print_dataset(f, object);
    else if (kind == H5_SEEN)
        print_line("%s  (an object that is named above)", object);
    else if (kind == H5_NOWHERE)
        print_line("%s  (a link to what is not in this file)", object);
    if (kind == H5_GROUP || kind == H5_DATASET)
        print_attributes(f, object);
    return OK;
}

/* Whether the file has checksums as only ours have them, whatever it says of itself. */
static bool has_our_parts(h5_file *f) {
    char **names;
    uint64_t count;
    if (h5_exists(f, "crc32") && h5_exists(f, "labels") && h5_exists(f, "classes"))
        return true;
    if (!h5_exists(f, "model") || !h5_is_group(f, "model") || h5_list(f, "model", &names, &count) != OK)
        return false;
    bool found = false;
    for (uint64_t i = 0; i < count && !found; i++) {
        char *object = text_format("model/%s", names[i]);
        found = h5_exists(f, object) && h5_has_attribute(f, object, "crc32");
        mem_free(object);
    }
    mem_free_strings(names, count);
    return found;
}

static err print_any(const char *path, const char *format) {
    h5_file *f;
    err code = h5_open(&f, path);
    if (code != OK)
        return code;
    if (has_our_parts(f)) {
        code = fail(ERR_DATA, "%s: damaged: it has the parts of a data set or a checkpoint of Shoal, and its format is \"%s\"", path, format);
    } else {
        print_line("%s: HDF5, neither a data set nor a checkpoint of Shoal", path);
        puts("");
        print_attributes(f, "/");
        code = h5_walk(f, "/", print_object, NULL);
    }
    h5_close(f);
    return code;
}

/* The `format` attribute, or the empty string. A new string. */
static err read_format(const char *path, char **format) {
    h5_file *f;
    err code = h5_open(&f, path);
    if (code != OK)
        return code;
    if (!h5_has_attribute(f, "/", "format") || h5_read_attribute_text(f, "/", "format", format) != OK)
        *format = mem_string("");
    h5_close(f);
    return OK;
}

static bool is_shared(const void *given, char **words, int n_words) {
    (void)words;
    (void)n_words;
    return ((const settings *)given)->verify;
}

static err run(const void *given, char **words, int n_words) {
    const settings *s = given;
    char *format;
    if (s->verify)
        return cli_verify_datasets(words, n_words);
    if (n_words > 1)
        return fail(ERR_USAGE, "\"%s\" is one argument too many: only --verify takes several files", words[1]);
    err code = read_format(words[0], &format);
    if (code != OK)
        return code;
    bool is_dataset = strcmp(format, "shoal-dataset") == 0;
    if (s->pictures)
        code = is_dataset ? cli_export_pictures(words[0], s->pictures, s->count)
                          : fail(ERR_DATA, "%s: is no data set: there are no pictures in it", words[0]);
    else if (is_dataset)
        code = cli_show_dataset(words[0]);
    else if (strcmp(format, "shoal-checkpoint") == 0)
        code = cli_show_checkpoint(words[0]);
    else
        code = print_any(words[0], format);
    mem_free(format);
    return code;
}

const cli_command cli_inspect = {
    .name = "inspect",
    .usage = "FILE [--pictures DIR [--count N]], or --verify FILE…",
    .what = "Shows what is in a data set, a checkpoint, or any other HDF5 file.",
    .example = "  shoal inspect runs/quickstart/best.h5\n"
               "  shoal inspect data/glyphs/val.h5 --pictures /tmp/look --count 20\n"
               "  mpirun -np 4 shoal inspect --verify data/imagenet",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .settings = &(settings){NULL, 10, false},
    .settings_size = sizeof(settings),
    .least_words = 1,
    .most_words = INT_MAX,
    .collective_for = is_shared,
    .run = run,
};
