/* data.stage: a node's ranks copy the files of the data sets to a folder of the node, once, share the copies, and read them from then on.
 * The copies lose their names as soon as every rank has opened them: the kernel frees the room when the last process ends, whatever ends
 * it. Only who is killed while it copies leaves something behind, which the next run recognises and removes. */
#include "data/stage.h"

#include <stdio.h>

#include "comm/comm.h"

typedef struct staging {
    const stage_options *options;
    dataset_part **parts; /* of all sets */
    int n_parts;
    comm *node;
    stage_folder folder; /* the path on all ranks; the lock on the node's first */
    uint64_t bytes;      /* of all parts */
    uint64_t mine, done; /* bytes that this rank reads: those that it copies, twice */
    double started, last_shown;
} staging;

static void list_parts(staging *s) {
    for (int i = 0; i < s->options->n_sets; i++)
        for (int k = 0; k < s->options->sets[i]->n_parts; k++) {
            s->parts = mem_resize(s->parts, (size_t)s->n_parts + 1, sizeof(dataset_part *));
            s->parts[s->n_parts++] = &s->options->sets[i]->parts[k];
        }
}

/* Who copies which: files are dealt out among the node's ranks. */
static bool is_mine(const staging *s, int part) {
    return part % comm_size(s->node) == comm_rank(s->node);
}

static err add_up_bytes(staging *s) {
    err code = OK;
    for (int i = 0; i < s->n_parts && code == OK; i++) {
        uint64_t bytes = 0;
        code = stage_size(s->parts[i], &bytes);
        s->bytes += bytes;
        s->mine += is_mine(s, i) ? 2 * bytes : 0;
    }
    return code;
}

static char *copy_path(const staging *s, int part) {
    return text_format("%s/%d", s->folder.path, part);
}

/* ---- steps, each taken by all ranks before the next ---- */

static err make_folder(staging *s) {
    bool leads = comm_rank(s->node) == 0;
    err code = comm_agree(s->options->world, leads ? stage_folder_make(&s->folder, s->options->folder, s->bytes) : OK);
    if (code == OK)
        comm_broadcast(s->node, 0, s->folder.path, sizeof s->folder.path);
    return code;
}

static bool show_progress(void *context, size_t bytes) {
    staging *s = context;
    s->done += bytes;
    place_tick();
    if (log_progress_is_due(&s->last_shown)) {
        char eta[TEXT_NUMBER];
        double share = (double)s->done / (double)s->mine;
        text_duration(eta, (time_now() - s->started) / share * (1 - share));
        log_progress("data.stage: %.0f %%  eta %s", 100 * share, eta);
    }
    return !s->options->must_stop || !s->options->must_stop();
}

static err copy_files(staging *s) {
    err code = OK;
    for (int i = 0; i < s->n_parts && code == OK; i++) {
        if (!is_mine(s, i))
            continue;
        char *path = copy_path(s, i);
        code = stage_copy(s->parts[i], path, show_progress, s);
        mem_free(path);
    }
    log_status("%s", "");
    return code;
}

static err switch_files(staging *s) {
    err code = OK;
    for (int i = 0; i < s->n_parts && code == OK; i++) {
        char *path = copy_path(s, i);
        code = stage_switch(s->parts[i], path);
        mem_free(path);
    }
    return code;
}

/* ---- all of it ---- */

static int count_nodes(const staging *s) {
    int ranks = comm_size(s->options->world), nodes = 0;
    uint8_t leads = comm_rank(s->node) == 0, *all = mem_new((size_t)ranks, 1);
    comm_gather_equal(s->options->world, &leads, all, 1);
    for (int r = 0; r < ranks; r++)
        nodes += all[r];
    mem_free(all);
    return nodes;
}

static void announce(const staging *s) {
    char bytes[TEXT_NUMBER], rate[TEXT_NUMBER], where[TEXT_NUMBER + 8] = "";
    double seconds = time_now() - s->started;
    int nodes = count_nodes(s);
    if (nodes > 1)
        snprintf(where, sizeof where, " of %d nodes", nodes);
    log_info("data.stage: %d files, %s, copied to %s%s in %.1f s (%s/s)", s->n_parts, text_bytes(bytes, s->bytes), s->options->folder,
             where, seconds, text_bytes(rate, (size_t)((double)s->bytes / seconds)));
}

err dataset_stage(const stage_options *options) {
    staging s = {.options = options, .folder = {.lock = -1}, .node = comm_node(options->world), .started = time_now()};
    s.last_shown = s.started;
    list_parts(&s);
    err code = comm_agree(options->world, add_up_bytes(&s));
    if (code == OK)
        code = make_folder(&s);
    if (code == OK)
        code = comm_agree(options->world, copy_files(&s));
    if (code == OK)
        code = comm_agree(options->world, switch_files(&s));
    if (comm_rank(s.node) == 0)
        stage_folder_remove(&s.folder);
    if (code == OK)
        announce(&s);
    comm_free(s.node);
    mem_free(s.parts);
    return code;
}
