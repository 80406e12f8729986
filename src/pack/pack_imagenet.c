/* ImageNet: 1.3 million pictures in 140 GB of archives, made into files of about a gigabyte, by any number of ranks, in two passes.
 *
 * The order of the set is a keyed permutation of all good pictures, and every file carries mean and std of the whole set. So all pictures
 * have to be decoded before the first one can be written: the first pass (imagenet_survey.c) does that, class by class as the archives lie,
 * and keeps 40 bytes and a name of each; the second (imagenet_shard.c) fetches the pictures of one file after the other from their
 * places in the archive. That reads the source twice; the other ways need a copy of it on the disk, or writes all over a hundred files
 * at once. Pictures that are encoded anew are so twice.
 *
 * Every file, of either pass, is a function of the source and the options alone, is made by one rank, and has its name only once it is
 * whole. So who makes which does not matter, and a run that is killed is taken up by making what is not there. A rank holds the entries of
 * one class or of one file, the labels of val, and a batch of pictures. */
#define _POSIX_C_SOURCE 200809L
#include "pack/imagenet.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* ---- what is asked for, in words: a run goes on only with work that was begun alike ---- */

static char *describe_split(const source *s, split part) {
    int units = 0;
    int64_t bytes = 0;
    for (int i = 0; i < s->n_units; i++)
        if (s->units[i].part == part) {
            units++;
            bytes += s->units[i].bytes;
        }
    if (s->tars[part])
        return text_format("%s: tar, %" PRId64 " bytes", split_names[part], bytes);
    return units ? text_format("%s: folders, %d", split_names[part], units) : text_format("%s: none", split_names[part]);
}

static uint64_t hash_labels(const source *s) {
    uint64_t hash = 0;
    for (int i = 0; i < s->n_classes; i++)
        hash = hash * 31 + rng_hash(s->classes[i]);
    for (int64_t i = 0; i < s->labels.count; i++)
        hash = hash * 31 + rng_hash(s->labels.lines[i].stem) + (uint64_t)s->labels.lines[i].label;
    return hash;
}

static char *describe(const imagenet *w) {
    const pack_options *o = w->options;
    char *train = describe_split(&w->source, TRAIN), *val = describe_split(&w->source, VAL);
    char *smaller = o->most_side ? text_format("max-side: %d, quality %d", o->most_side, o->quality) : mem_string("max-side: none");
    char *plan =
        text_format("shoal pack imagenet, version 1\nseed: %" PRIu64 "\nfile-size: %" PRId64 "\n%s\nstrict: %s\n%s\n%s\n"
                    "classes and labels: %d, %016" PRIx64 "\n\n",
                    o->seed, o->file_bytes, smaller, o->strict ? "yes" : "no", train, val, w->source.n_classes, hash_labels(&w->source));
    mem_free(train);
    mem_free(val);
    mem_free(smaller);
    return plan;
}

/* ---- between the passes ---- */

static bool has_split(const imagenet *w, split part) {
    for (int i = 0; i < w->source.n_units; i++)
        if (w->source.units[i].part == part)
            return true;
    return false;
}

static int count_shards(const imagenet *w, const survey_head *head) {
    uint64_t size = (uint64_t)w->options->file_bytes, files = (head->kept_bytes + size - 1) / size;
    return (int)(files < head->count ? files : head->count);
}

/* Collective. */
static err open_index(imagenet *w, split part) {
    err code = team_agree(&w->team, w->team.rank == 0 ? index_build(w, part) : OK);
    if (code != OK)
        return code;
    char *path = state_index_path(w, part);
    code = survey_file_open(&w->index[part], path);
    mem_free(path);
    if (code == OK)
        w->shards[part] = count_shards(w, &w->index[part].head);
    return team_agree(&w->team, code);
}

static err open_indexes(imagenet *w) {
    err code = OK;
    for (int part = 0; part < N_SPLITS && code == OK; part++)
        if (has_split(w, part))
            code = open_index(w, part);
    return code;
}

/* What a split holds, from its index: where the pictures lie in the source does not matter. */
static err hash_split(const imagenet *w, split part, pack_hash *h) {
    enum { AT_ONCE = 4096 };
    picture_entry *entries = mem_new(AT_ONCE, sizeof *entries);
    uint64_t count = w->shards[part] ? w->index[part].head.count : 0;
    err code = OK;
    for (uint64_t first = 0; first < count && code == OK; first += AT_ONCE) {
        uint64_t n = count - first < AT_ONCE ? count - first : AT_ONCE;
        code = survey_file_entries(&w->index[part], first, n, entries);
        for (uint64_t i = 0; i < n && code == OK; i++) {
            const picture_entry *e = &entries[i];
            pack_hash_add(h, (const uint32_t[]){e->kept, e->crc, (uint32_t)e->label}, 3 * sizeof(uint32_t));
        }
    }
    mem_free(entries);
    return code;
}

/* Rank 0 makes it, from the indexes and the plan. Collective. */
static err make_id(imagenet *w) {
    pack_hash *h = pack_hash_new();
    err code = OK;
    pack_hash_add_text(h, w->plan);
    for (int part = 0; part < N_SPLITS && code == OK && w->team.rank == 0; part++)
        code = hash_split(w, part, h);
    pack_hash_finish(h, w->id);
    char *all = mem_new((size_t)w->team.size, PACK_ID);
    code = team_agree(&w->team, code);
    team_gather(&w->team, w->id, all, PACK_ID);
    memcpy(w->id, all, PACK_ID);
    mem_free(all);
    return code;
}

/* It is better to know before than after hours. */
static err check_space(const imagenet *w) {
    struct statvfs disk;
    double needed = 0;
    for (int part = 0; part < N_SPLITS; part++)
        for (int n = 0; n < w->shards[part]; n++)
            if (!shard_is_there(w, part, n))
                needed += (double)w->index[part].head.kept_bytes / w->shards[part];
    if (statvfs(w->options->out, &disk) != 0)
        return OK;
    double there = (double)disk.f_bavail * (double)disk.f_frsize;
    if (needed <= there)
        return OK;
    char need[TEXT_NUMBER], have[TEXT_NUMBER];
    return fail(ERR_IO, "%s: the set needs %s more, and %s are free; make room and give the same command again", w->options->out,
                text_bytes(need, (size_t)needed), text_bytes(have, (size_t)there));
}

/* ---- all of it ---- */

static err take_up(imagenet *w, bool *finished) {
    uint64_t flag = 0;
    err code = source_open(&w->source, w->options->source);
    if (code == OK && pack_check_classes(w->source.classes, w->source.n_classes) != OK)
        code = err_prefix("%s", w->options->source);
    code = team_agree(&w->team, code);
    if (code != OK)
        return code;
    w->plan = describe(w);
    if (!team_same(&w->team, w->plan, strlen(w->plan)))
        return fail(ERR_IO, "%s: not all ranks find the same there; it has to lie on a disk that all nodes share", w->options->source);
    if (w->team.rank == 0)
        code = state_take_up(w, finished);
    code = team_agree(&w->team, code);
    flag = *finished;
    team_sum(&w->team, &flag, 1); /* only rank 0 knows */
    *finished = flag > 0;
    return code;
}

static err make_set(imagenet *w) {
    err code = imagenet_first_pass(w);
    if (code == OK)
        code = open_indexes(w);
    if (code == OK)
        code = make_id(w);
    if (code == OK && w->team.rank == 0)
        code = check_space(w);
    code = team_agree(&w->team, code);
    if (code == OK)
        code = imagenet_second_pass(w);
    return code == OK ? state_publish(w) : code;
}

static void make_tools(imagenet *w) {
    w->tools = mem_new((size_t)threads_count(), sizeof *w->tools);
    w->jobs = mem_new(IMAGENET_BATCH, sizeof *w->jobs);
    for (int i = 0; i < IMAGENET_BATCH; i++)
        w->jobs[i].work = w;
}

static void release(imagenet *w) {
    for (int i = 0; i < threads_count(); i++) {
        image_reset(&w->tools[i].picture);
        image_reset(&w->tools[i].spare);
    }
    for (int i = 0; i < IMAGENET_BATCH; i++) {
        byte_buffer_reset(&w->jobs[i].file);
        byte_buffer_reset(&w->jobs[i].kept);
    }
    for (int part = 0; part < N_SPLITS; part++)
        survey_file_close(&w->index[part]);
    pack_output_close(&w->output);
    source_reset(&w->source);
    mem_free(w->tools);
    mem_free(w->jobs);
    mem_free(w->plan);
    mem_free(w->state);
}

err pack_imagenet(const pack_options *options) {
    imagenet w = {.options = options,
                  .rule = {options->most_side, options->quality},
                  .team = team_of_all(),
                  .state = text_format("%s/.pack", options->out)};
    make_tools(&w);
    bool finished = false;
    err code = take_up(&w, &finished);
    if (code == OK && !finished)
        code = make_set(&w);
    release(&w);
    return code;
}
