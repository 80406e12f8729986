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

/* Numbers that can be weights, or a counter's. */
static bool is_type_for(h5_type type, const param *p) {
    bool real = type == H5_F16 || type == H5_F32 || type == H5_F64;
    return real || (p->role == PARAM_COUNTER && ckpt_type_bytes(type) > 0);
}

/* One number is one number, whether it stands alone or in a list. */
static bool is_size_of(const h5_info *info, const param *p) {
    return p->role == PARAM_COUNTER ? info->count == 1 : dims_equal(dims_of(info), p->dims);
}

void ckpt_fit_param(fit *result, h5_file *f, const char *object, const param *p) {
    char in_file[SHAPE_TEXT], in_model[SHAPE_TEXT];
    h5_info info;
    bool may_miss = p->role == PARAM_COUNTER; /* weights from elsewhere may come without: it counts from 0 */
    if (!object) {
        if (!may_miss)
            note(&result->missing, &result->first_missing, mem_string(p->name));
    } else if (h5_get_info(f, object, &info) != OK)
        note(&result->unreadable, &result->first_unreadable, mem_string(err_last()->text));
    else if (!is_type_for(info.type, p))
        note(&result->mistyped, &result->first_mistyped,
             text_format("%s is %s; float32, float64 or float16 is needed", p->name, h5_type_name(info.type)));
    else if (!is_size_of(&info, p))
        note(&result->different, &result->first_different,
             text_format("%s is %s in the file, %s in the model", p->name, dims_text(in_file, dims_of(&info)),
                         dims_text(in_model, p->dims)));
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
    tell(text, sizeof text, f->unreadable, "not to be read", f->first_unreadable);
    tell(text, sizeof text, f->mistyped, "of another type", f->first_mistyped);
    tell(text, sizeof text, f->different, "of another shape", f->first_different);
    tell(text, sizeof text, f->unknown, "unknown to the model", f->first_unknown);
    mem_free(f->first_missing);
    mem_free(f->first_unreadable);
    mem_free(f->first_mistyped);
    mem_free(f->first_different);
    mem_free(f->first_unknown);
    *f = (fit){0};
    return *text ? fail(ERR_DATA, "%s: %s%s does not fit the model: %s", path, *group == '/' ? "" : "/", group, text) : OK;
}
