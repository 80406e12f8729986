/* The folder OUT/.pack of the work under way. It says what was asked for, holds what is done so far, and is gone when the set is whole;
 * only then do the files of the set get their names in OUT, so that no job trains on a part of it. */
#define _POSIX_C_SOURCE 200809L
#include "pack/imagenet.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *state_survey_path(const imagenet *work, int unit) {
    return text_format("%s/survey-%05d", work->state, unit);
}

char *state_index_path(const imagenet *work, split part) {
    return text_format("%s/%s-index", work->state, split_names[part]);
}

char *state_odd_path(const imagenet *work, split part) {
    return text_format("%s/odd-%s.tsv", work->state, split_names[part]);
}

static char *shard_path(const imagenet *work, const char *folder, split part, int number) {
    return text_format("%s/%s-%05d-of-%05d.h5", folder, split_names[part], number, work->shards[part]);
}

char *state_shard_path(const imagenet *work, split part, int number) {
    return shard_path(work, work->state, part, number);
}

char *final_shard_path(const imagenet *work, split part, int number) {
    return shard_path(work, work->options->out, part, number);
}

bool shard_is_there(const imagenet *work, split part, int number) {
    char *here = final_shard_path(work, part, number), *there = state_shard_path(work, part, number);
    bool found = pack_file_is_there(there) || pack_file_is_there(here);
    mem_free(here);
    mem_free(there);
    return found;
}

/* ---- beginning ---- */

static err refuse_foreign(const imagenet *work) {
    err code = OK;
    for (int i = 0; i < N_SPLITS && code == OK; i++) {
        path_list found;
        char *pattern = text_format("%s*.h5", split_names[i]);
        code = path_find(&found, work->options->out, pattern);
        if (code == OK && found.count > 0)
            code = fail(ERR_USAGE, "%s is there already, of another set: pack into another folder, or remove it", found.paths[0]);
        path_list_reset(&found);
        mem_free(pattern);
    }
    return code;
}

/* Names the first line in which two plans differ. */
static err refuse_other(const imagenet *work, const char *other) {
    const char *mine = work->plan;
    while (*mine && *mine == *other)
        mine++, other++;
    while (mine > work->plan && mine[-1] != '\n')
        mine--, other--;
    return fail(ERR_USAGE, "%s was begun with \"%.*s\", and this is \"%.*s\": go on with the same command, or remove %s to start again",
                work->state, (int)strcspn(other, "\n"), other, (int)strcspn(mine, "\n"), mine, work->state);
}

static err write_text(const char *path, const char *text) {
    file_writer w;
    err code = file_writer_open(&w, path);
    if (code == OK)
        code = file_writer_add(&w, text, strlen(text));
    if (code == OK)
        code = file_writer_finish(&w);
    file_writer_close(&w);
    return code;
}

/* The whole of a file as a string, or NULL. */
static char *read_text(const char *path) {
    byte_buffer file = {0};
    char *text = NULL;
    if (pack_file_is_there(path) && byte_buffer_read(&file, path) == OK) {
        text = mem_new(file.size + 1, 1);
        if (file.size)
            memcpy(text, file.bytes, file.size);
    }
    byte_buffer_reset(&file);
    return text;
}

/* Whether OUT holds all files of a split. */
static bool split_is_whole(const imagenet *work, split part) {
    path_list found;
    char *pattern = text_format("%s-*-of-*.h5", split_names[part]);
    bool whole = false;
    if (path_find(&found, work->options->out, pattern) == OK && found.count > 0) {
        const char *parts = strstr(found.paths[0] + strlen(work->options->out), "-of-");
        whole = parts && strtol(parts + strlen("-of-"), NULL, 10) == found.count;
    }
    path_list_reset(&found);
    mem_free(pattern);
    return whole;
}

/* Whether the set was finished before, with this plan. */
static bool is_finished(const imagenet *work, const char *summary) {
    if (!summary || strncmp(summary, work->plan, strlen(work->plan)) != 0)
        return false;
    for (int i = 0; i < work->source.n_units; i++) /* of each split that there is */
        if ((i == 0 || work->source.units[i].part != work->source.units[i - 1].part) && !split_is_whole(work, work->source.units[i].part))
            return false;
    return true;
}

/* Removes the files of the work with that in their names. */
static void remove_files(const imagenet *work, const char *word) {
    DIR *d = opendir(work->state);
    if (!d)
        return;
    for (const struct dirent *e = readdir(d); e; e = readdir(d))
        if (strstr(e->d_name, word))
            unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
}

static void remove_state(const imagenet *work) {
    remove_files(work, "");
    rmdir(work->state);
}

/* Whatever lies in the folder without a plan may be of any. */
static err begin(const imagenet *work, const char *plan_path) {
    err code = refuse_foreign(work);
    if (code != OK)
        return code;
    remove_state(work);
    code = path_make_folders(work->state);
    return code == OK ? write_text(plan_path, work->plan) : code;
}

/* What comes after the plan. */
static void print_summary(const imagenet *work, const char *text) {
    size_t plan = strlen(work->plan), length = strlen(text);
    log_info("%.*s", (int)(length - plan - 1), text + plan);
}

err state_take_up(imagenet *work, bool *finished) {
    err code = pack_output_open(&work->output, work->options->out);
    if (code != OK)
        return code;
    char *summary_path = text_format("%s/pack.txt", work->options->out), *plan_path = text_format("%s/plan", work->state);
    char *summary = read_text(summary_path), *plan = read_text(plan_path);
    *finished = is_finished(work, summary);
    if (*finished) {
        remove_state(work); /* what the end of the program left */
        print_summary(work, summary);
        log_info("%s: is packed already; `shoal inspect --verify %s` checks it", work->options->out, work->options->out);
    } else if (!plan) {
        code = begin(work, plan_path);
    } else if (strcmp(plan, work->plan) != 0) {
        code = refuse_other(work, plan);
    } else {
        log_info("%s: going on where the last run ended", work->options->out);
        remove_files(work, ".part"); /* what was being written then: its room counts as free */
    }
    mem_free(summary);
    mem_free(plan);
    mem_free(summary_path);
    mem_free(plan_path);
    return code;
}

/* ---- the end ---- */

/* Takes both paths. A file that a run before this one has moved is left alone. */
static err move(char *from, char *to) {
    err code = OK;
    int reason = rename(from, to) == 0 ? 0 : errno;
    if (reason && !(reason == ENOENT && pack_file_is_there(to)))
        code = fail(ERR_IO, "%s: cannot be moved to %s: %s", from, to, strerror(reason));
    mem_free(from);
    mem_free(to);
    return code;
}

/* Each rank moves the files that it made or found: another may not see them yet, where the folder is on a network. */
static err move_files(const imagenet *work) {
    err code = OK;
    for (int part = 0; part < N_SPLITS && code == OK; part++)
        if (work->shards[part] && work->team.rank == 0)
            code = move(state_odd_path(work, part), text_format("%s/odd-%s.tsv", work->options->out, split_names[part]));
    for (int file = work->team.rank; file < imagenet_count_files(work) && code == OK; file += work->team.size) {
        split part;
        int number;
        imagenet_locate_file(work, file, &part, &number);
        code = move(state_shard_path(work, part, number), final_shard_path(work, part, number));
    }
    return code;
}

static err write_summary(const imagenet *work, const char *path) {
    file_writer w;
    err code = file_writer_open(&w, path);
    if (code == OK)
        code = summary_write(work, w.file);
    if (code == OK)
        code = file_writer_finish(&w);
    file_writer_close(&w);
    return code;
}

static err finish(const imagenet *work) {
    char *path = text_format("%s/pack.txt", work->options->out);
    err code = pack_output_sync(&work->output);
    if (code == OK)
        code = write_summary(work, path);
    if (code == OK)
        code = pack_output_sync(&work->output);
    if (code == OK) {
        remove_state(work);
        char *text = read_text(path);
        if (text)
            print_summary(work, text);
        mem_free(text);
    }
    mem_free(path);
    return code;
}

err state_publish(imagenet *work) {
    err code = team_agree(&work->team, move_files(work));
    if (code == OK && work->team.rank == 0)
        code = finish(work);
    return team_agree(&work->team, code);
}
