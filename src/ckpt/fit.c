/* Whether the tensors of a file are those of the model, told in one line. */
#include <stdio.h>
#include <string.h>

#include "ckpt/internal.h"

static void note(int *count, char **first, char *text) {
    if ((*count)++ == 0)
        *first = text;
    else
        mem_free(text);
}

static dims dims_of(const h5_info *info) {
    dims d = {.rank = info->rank};
    for (int i = 0; i < info->rank; i++)
        d.size[i] = (int64_t)info->size[i];
    return d;
}

void ckpt_fit_param(fit *result, h5_file *f, const char *group, const param *p) {
    char *object = text_format("%s/%s", group, p->name), in_file[SHAPE_TEXT], in_model[SHAPE_TEXT];
    h5_info info;
    bool may_miss = p->role == PARAM_COUNTER; /* weights from elsewhere may come without: it counts from 0 */
    if (!h5_exists(f, object)) {
        if (!may_miss)
            note(&result->missing, &result->first_missing, mem_string(p->name));
    } else if (h5_get_info(f, object, &info) != OK || ckpt_type_bytes(info.type) == 0)
        note(&result->different, &result->first_different, text_format("%s holds no numbers", p->name));
    else if (!dims_equal(dims_of(&info), p->dims))
        note(&result->different, &result->first_different,
             text_format("%s is %s in the file, %s in the model", p->name, dims_text(in_file, dims_of(&info)),
                         dims_text(in_model, p->dims)));
    mem_free(object);
}

void ckpt_fit_unknown(fit *result, const char *name) {
    note(&result->unknown, &result->first_unknown, mem_string(name));
}

static void tell(char *text, size_t size, int count, const char *kind, const char *first) {
    size_t used = strlen(text);
    if (count > 0)
        snprintf(text + used, size - used, "%s%d %s (%s%s)", used ? ", " : "", count, kind, first, count > 1 ? ", …" : "");
}

err ckpt_report_fit(fit *f, const char *path, const char *group) {
    char text[768] = "";
    tell(text, sizeof text, f->missing, f->missing == 1 ? "tensor is missing" : "tensors are missing", f->first_missing);
    tell(text, sizeof text, f->different, "of another shape", f->first_different);
    tell(text, sizeof text, f->unknown, "unknown to the model", f->first_unknown);
    mem_free(f->first_missing);
    mem_free(f->first_different);
    mem_free(f->first_unknown);
    *f = (fit){0};
    return *text ? fail(ERR_DATA, "%s: /%s does not fit the model: %s", path, group, text) : OK;
}
