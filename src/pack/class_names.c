/* Names of classes go into files, and from there onto screens and into lists: they are text that can be read. */
#include "pack/internal.h"

#include <stdlib.h>
#include <string.h>

static err check_name(const char *name, int number) {
    size_t room = text_printable(NULL, 0, name) + 1;
    char *printable = mem_new(room, 1);
    text_printable(printable, room, name);
    err code = OK;
    if (!name[0])
        code = fail(ERR_DATA, "the name of class %d is empty", number);
    else if (strcmp(printable, name) != 0)
        code = fail(ERR_DATA, "the name of class %d is no UTF-8 or has control characters in it: \"%s\"; rename it", number, printable);
    mem_free(printable);
    return code;
}

static err check_unique(char *const *names, int count) {
    char **sorted = mem_new((size_t)count, sizeof *sorted);
    memcpy(sorted, names, (size_t)count * sizeof *sorted);
    qsort(sorted, (size_t)count, sizeof *sorted, text_compare);
    err code = OK;
    for (int i = 1; i < count && code == OK; i++)
        if (strcmp(sorted[i - 1], sorted[i]) == 0)
            code = fail(ERR_DATA, "two classes have the name \"%s\"", sorted[i]);
    mem_free(sorted);
    return code;
}

err pack_check_classes(char *const *names, int count) {
    err code = OK;
    for (int i = 0; i < count && code == OK; i++)
        code = check_name(names[i], i);
    return code == OK && count > 1 ? check_unique(names, count) : code;
}
