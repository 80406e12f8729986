/* What fields are made of. */
#include "tensor/field.h"

#include <string.h>

size_t field_type_bytes(field_type type) {
    static const size_t bytes[] = {[FIELD_U8] = 1, [FIELD_U16] = 2, [FIELD_I32] = 4, [FIELD_F32] = 4};
    return bytes[type];
}

const char *field_type_text(field_type type) {
    static const char *const text[] = {[FIELD_U8] = "uint8", [FIELD_U16] = "uint16", [FIELD_I32] = "int32", [FIELD_F32] = "float32"};
    return text[type];
}

size_t field_bytes(const field *f) {
    return (size_t)shape_size(f->shape) * field_type_bytes(f->type);
}

int field_find(const field *list, int count, const char *name) {
    for (int i = 0; i < count; i++)
        if (strcmp(list[i].name, name) == 0)
            return i;
    return -1;
}
