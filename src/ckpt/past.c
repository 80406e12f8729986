/* What a run has been through: its jobs and its evaluations, each a group of columns (`/jobs/step`, `/jobs/yaml`, `/history/step`, …). */
#include <stdio.h>
#include <string.h>

#include "ckpt/internal.h"

void ckpt_add_job(ckpt_info *info, int64_t step, const char *yaml) {
    if (info->n_jobs > 0 && strcmp(info->jobs[info->n_jobs - 1].yaml, yaml) == 0)
        return;
    info->jobs = mem_resize(info->jobs, (size_t)info->n_jobs + 1, sizeof *info->jobs);
    info->jobs[info->n_jobs++] = (ckpt_job){step, mem_string(yaml)};
}

void ckpt_add_metric(ckpt_info *info, int64_t step, const char *name, double value) {
    info->history = mem_resize(info->history, (size_t)info->n_history + 1, sizeof *info->history);
    ckpt_metric *m = &info->history[info->n_history++];
    *m = (ckpt_metric){.step = step, .value = value};
    snprintf(m->name, sizeof m->name, "%s", name);
}

/* ---- columns ---- */

typedef struct columns {
    uint64_t count;
    int64_t *step;
    char **text;
    double *value; /* NULL where there is none */
} columns;

static columns columns_new(int count, bool with_value) {
    size_t n = (size_t)count;
    return (columns){n, mem_new(n, sizeof(int64_t)), mem_new(n, sizeof(char *)), with_value ? mem_new(n, sizeof(double)) : NULL};
}

static void columns_free(columns *c) {
    mem_free(c->step);
    mem_free_strings(c->text, c->count);
    mem_free(c->value);
}

static err write_column(h5_file *f, const char *group, const char *name, h5_type type, uint64_t count, const void *values) {
    char *object = text_format("%s/%s", group, name);
    err code = type == H5_STRING ? ckpt_write_texts(f, object, (char *const *)values, count)
                                 : ckpt_write_tensor(f, object, type, (dims){1, {(int64_t)count}}, values);
    mem_free(object);
    return code;
}

static err write_columns(h5_file *f, const char *group, const char *text, const columns *c) {
    err code = write_column(f, group, "step", H5_I64, c->count, c->step);
    if (code == OK)
        code = write_column(f, group, text, H5_STRING, c->count, c->text);
    return code == OK && c->value ? write_column(f, group, "value", H5_F64, c->count, c->value) : code;
}

static err read_numbers(h5_file *f, const char *group, const char *name, h5_type type, uint64_t count, void *values) {
    char *object = text_format("%s/%s", group, name);
    h5_info info;
    err code = h5_get_info(f, object, &info);
    if (code == OK && (info.rank != 1 || info.count != count))
        code = fail(ERR_DATA, "%s: /%s has not as many values as its neighbours", h5_path(f), object);
    if (code == OK)
        code = ckpt_read_tensor(f, object, type, values);
    mem_free(object);
    return code;
}

static err read_columns(h5_file *f, const char *group, const char *text, bool with_value, columns *c) {
    char *object = text_format("%s/%s", group, text);
    *c = (columns){0};
    err code = ckpt_read_texts(f, object, &c->text, &c->count);
    mem_free(object);
    if (code != OK)
        return code;
    c->step = mem_new(c->count, sizeof *c->step);
    code = read_numbers(f, group, "step", H5_I64, c->count, c->step);
    if (code != OK || !with_value)
        return code;
    c->value = mem_new(c->count, sizeof *c->value);
    return read_numbers(f, group, "value", H5_F64, c->count, c->value);
}

/* ---- jobs and history ---- */

static err write_jobs(h5_file *f, const ckpt_info *info) {
    columns c = columns_new(info->n_jobs, false);
    for (int i = 0; i < info->n_jobs; i++) {
        c.step[i] = info->jobs[i].step;
        c.text[i] = mem_string(info->jobs[i].yaml);
    }
    err code = write_columns(f, "jobs", "yaml", &c);
    columns_free(&c);
    return code;
}

static err write_history(h5_file *f, const ckpt_info *info) {
    columns c = columns_new(info->n_history, true);
    for (int i = 0; i < info->n_history; i++) {
        c.step[i] = info->history[i].step;
        c.text[i] = mem_string(info->history[i].name);
        c.value[i] = info->history[i].value;
    }
    err code = write_columns(f, "history", "metric", &c);
    columns_free(&c);
    return code;
}

err ckpt_write_past(h5_file *f, const ckpt_info *info) {
    err code = info->n_jobs > 0 ? write_jobs(f, info) : OK;
    return code == OK && info->n_history > 0 ? write_history(f, info) : code;
}

err ckpt_read_past(h5_file *f, ckpt_info *info) {
    columns c = {0};
    err code = h5_exists(f, "jobs") ? read_columns(f, "jobs", "yaml", false, &c) : OK;
    for (uint64_t i = 0; i < c.count && code == OK; i++)
        ckpt_add_job(info, c.step[i], c.text[i]);
    columns_free(&c);
    c = (columns){0};
    if (code == OK && h5_exists(f, "history"))
        code = read_columns(f, "history", "metric", true, &c);
    for (uint64_t i = 0; i < c.count && code == OK; i++)
        ckpt_add_metric(info, c.step[i], c.text[i], c.value[i]);
    columns_free(&c);
    return code;
}
