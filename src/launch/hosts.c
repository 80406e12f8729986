#include "launch/launch.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

/* `node007.site.org` is `node`, 7 in 3 digits, `.site.org`. */
typedef struct host_name {
    const char *text;
    int prefix, digits; /* lengths; digits 0: no number */
    unsigned long number;
    const char *suffix;
} host_name;

/* The last number of the name's first part counts. */
static host_name cut(const char *text) {
    int end = (int)strcspn(text, ".");
    while (end > 0 && !isdigit((unsigned char)text[end - 1]))
        end--;
    int first = end;
    while (first > 0 && isdigit((unsigned char)text[first - 1]) && end - first < 9)
        first--;
    return (host_name){text, first, end - first, end > first ? strtoul(text + first, NULL, 10) : 0, text + end};
}

/* Whether the names differ in their number alone. */
static bool are_kin(const host_name *a, const host_name *b) {
    return a->digits > 0 && a->digits == b->digits && a->prefix == b->prefix && strncmp(a->text, b->text, (size_t)a->prefix) == 0 &&
           strcmp(a->suffix, b->suffix) == 0;
}

/* One past the last name of a run of numbers without a gap. */
static int end_of_run(const char **names, int first, int count) {
    host_name before = cut(names[first]);
    int i = first + 1;
    for (; i < count; i++) {
        host_name next = cut(names[i]);
        if (!are_kin(&before, &next) || next.number != before.number + 1)
            break;
        before = next;
    }
    return i;
}

static int end_of_kin(const char **names, int first, int count) {
    host_name one = cut(names[first]);
    int i = first + 1;
    for (; i < count; i++) {
        host_name next = cut(names[i]);
        if (!are_kin(&one, &next))
            break;
    }
    return i;
}

/* `n[001-004,007]` */
static void append_kin(char **text, const char **names, int first, int last) {
    host_name one = cut(names[first]);
    text_append(text, text_format("%.*s[", one.prefix, one.text));
    for (int i = first; i < last;) {
        int end = end_of_run(names, i, last);
        host_name a = cut(names[i]), b = cut(names[end - 1]);
        text_append(text, end - i == 1 ? text_format("%s%0*lu", i > first ? "," : "", a.digits, a.number)
                                       : text_format("%s%0*lu-%0*lu", i > first ? "," : "", a.digits, a.number, b.digits, b.number));
        i = end;
    }
    text_append(text, text_format("]%s", one.suffix));
}

static int without_doubles(const char **names, int count) {
    int kept = 0;
    for (int i = 0; i < count; i++)
        if (kept == 0 || strcmp(names[i], names[kept - 1]) != 0)
            names[kept++] = names[i];
    return kept;
}

char *hosts_short(const char **names, int count) {
    qsort(names, (size_t)count, sizeof *names, text_compare);
    count = without_doubles(names, count);
    char *text = mem_string("");
    for (int i = 0; i < count;) {
        int end = end_of_kin(names, i, count);
        if (i > 0)
            text_append(&text, mem_string(","));
        if (end - i == 1)
            text_append(&text, mem_string(names[i]));
        else
            append_kin(&text, names, i, end);
        i = end;
    }
    return text;
}
