/* A checkpoint for people. */
#include "ckpt/ckpt.h"
#include "cli/cli.h"
#include "h5/h5.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool is_state(const char *name) {
    const char *last = strrchr(name, '.');
    last = last ? last + 1 : name;
    return strcmp(last, "running_mean") == 0 || strcmp(last, "running_var") == 0 || strcmp(last, "num_batches_tracked") == 0;
}

static err print_tensor(h5_file *f, const char *name, uint64_t *params) {
    char *object = text_format("model/%s", name);
    h5_info info;
    err code = h5_get_info(f, object, &info);
    mem_free(object);
    if (code != OK)
        return code;
    dims d = {.rank = info.rank};
    for (int i = 0; i < info.rank; i++)
        d.size[i] = (int64_t)info.size[i];
    char size[SHAPE_TEXT], count[TEXT_NUMBER];
    print_line("  %-44s %-20s %14s", name, dims_text(size, d), text_count(count, (int64_t)info.count));
    if (!is_state(name))
        *params += info.count;
    return OK;
}

static err print_model(h5_file *f) {
    char **names;
    uint64_t count, params = 0;
    err code = h5_list(f, "model", &names, &count);
    if (code != OK)
        return code;
    puts("\nmodel");
    for (uint64_t i = 0; i < count && code == OK; i++)
        code = print_tensor(f, names[i], &params);
    char text[TEXT_NUMBER];
    if (code == OK)
        print_line("  %" PRIu64 " tensors, %s parameters", count, text_count(text, (int64_t)params));
    mem_free_strings(names, count);
    return code;
}

static err print_optimizer(h5_file *f) {
    char **names;
    uint64_t count;
    if (!h5_exists(f, "optimizer"))
        return OK;
    err code = h5_list(f, "optimizer", &names, &count);
    if (code != OK)
        return code;
    printf("\noptimizer slots:");
    for (uint64_t i = 0; i < count; i++)
        print_part(" %s", names[i]);
    puts("");
    mem_free_strings(names, count);
    return OK;
}

static err print_attributes(h5_file *f, const char *group) {
    char **names, *text;
    uint64_t count;
    if (!h5_exists(f, group))
        return OK;
    err code = h5_list_attributes(f, group, &names, &count);
    if (code != OK)
        return code;
    puts("");
    print_line("%s", group);
    for (uint64_t i = 0; i < count && code == OK; i++) {
        code = h5_attribute_text(f, group, names[i], &text);
        if (code != OK)
            break;
        print_line("  %-24s %s", names[i], text);
        mem_free(text);
    }
    mem_free_strings(names, count);
    return code;
}

static void print_job(const ckpt_info *info) {
    if (!info->job)
        return;
    puts("\njob");
    for (const char *line = info->job; *line;) {
        int length = (int)strcspn(line, "\n");
        print_line("  %.*s", length, line);
        line += length + (line[length] == '\n');
    }
}

/* Jobs before the present one, and what the last evaluation found. */
static void print_past(const ckpt_info *info) {
    if (info->n_jobs > 1) {
        printf("\n%d jobs, from steps", info->n_jobs);
        for (int i = 0; i < info->n_jobs; i++)
            printf(" %" PRId64, info->jobs[i].step);
        putchar('\n');
    }
    int64_t last = info->n_history > 0 ? info->history[info->n_history - 1].step : 0;
    if (info->n_history > 0)
        printf("\nlast evaluation, after step %" PRId64 "\n", last);
    for (int i = 0; i < info->n_history; i++)
        if (info->history[i].step == last)
            printf("  %-24s %.9g\n", info->history[i].name, info->history[i].value);
}

static err print_parts(h5_file *f, const char *path, const ckpt_info *info) {
    print_line("%s: checkpoint, whole: every checksum agrees", path);
    printf("\nstep %" PRId64 ", epoch %" PRId64 "\n", info->step, info->epoch);
    err code = print_model(f);
    if (code == OK)
        code = print_optimizer(f);
    if (code == OK)
        code = print_attributes(f, "trainer");
    if (code == OK)
        code = print_attributes(f, "provenance");
    print_past(info);
    print_job(info);
    return code;
}

err cli_show_checkpoint(const char *path) {
    h5_file *f = NULL;
    ckpt_info info = {0};
    err code = ckpt_verify(path);
    if (code == OK)
        code = ckpt_read_info(path, &info);
    if (code == OK)
        code = h5_open(&f, path);
    if (code == OK)
        code = print_parts(f, path, &info);
    h5_close(f);
    ckpt_info_reset(&info);
    return code;
}
