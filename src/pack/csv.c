/* CSV files, read at once and cut up in place. The reader is our own: the one that systems have for C (libcsv) tells no lines, which people
 * need to find a mistake. */
#include "pack/csv.h"

#include <inttypes.h>
#include <string.h>

typedef struct scanner {
    csv_table *t;
    char *at, *end;
    int64_t line;
    int64_t count, room; /* cells so far; that there is room for */
} scanner;

/* A cell: what ends it is looked at first, and then overwritten. */
typedef struct span {
    char *first, *end;
} span;

static bool is_end_of_line(const scanner *s) {
    return s->at == s->end || *s->at == '\n' || *s->at == '\r';
}

static void skip_end_of_line(scanner *s) {
    if (s->at < s->end && *s->at++ == '\r' && s->at < s->end && *s->at == '\n')
        s->at++;
    s->line++;
}

static void skip_spaces(scanner *s) {
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t'))
        s->at++;
}

/* In quotes: two of them stand for one; commas and ends of lines are text. */
static err scan_quoted(scanner *s, int column, span *cell) {
    int64_t line = s->line;
    bool closed = false;
    char *to = cell->first = ++s->at;
    while (s->at < s->end && !closed) {
        s->line += *s->at == '\n';
        bool quote = *s->at++ == '"';
        closed = quote && (s->at == s->end || *s->at != '"');
        if (!closed)
            *to++ = s->at[-1];
        s->at += quote && !closed;
    }
    cell->end = to;
    skip_spaces(s);
    if (!closed)
        return fail(ERR_DATA, "%s, line %" PRId64 ", column %d: a quote is opened and not closed", s->t->path, line, column + 1);
    if (!is_end_of_line(s) && *s->at != ',')
        return fail(ERR_DATA, "%s, line %" PRId64 ", column %d: text behind the closing quote; a quote within quotes is written twice",
                    s->t->path, line, column + 1);
    return OK;
}

static err scan_cell(scanner *s, int column, span *cell) {
    skip_spaces(s);
    if (s->at < s->end && *s->at == '"')
        return scan_quoted(s, column, cell);
    cell->first = s->at;
    while (!is_end_of_line(s) && *s->at != ',')
        s->at++;
    cell->end = s->at;
    while (cell->end > cell->first && (cell->end[-1] == ' ' || cell->end[-1] == '\t'))
        cell->end--;
    return OK;
}

static void add_cell(scanner *s, span cell) {
    if (s->count == s->room) {
        s->room = s->room ? 2 * s->room : 1024;
        s->t->cells = mem_resize(s->t->cells, (size_t)s->room, sizeof *s->t->cells);
    }
    *cell.end = '\0';
    s->t->cells[s->count++] = cell.first;
}

static err scan_row(scanner *s, int *n_cells) {
    bool more = true;
    for (*n_cells = 0; more; ++*n_cells) {
        span cell;
        err code = scan_cell(s, *n_cells, &cell);
        if (code != OK)
            return code;
        more = s->at < s->end && *s->at == ',';
        if (more)
            s->at++;
        else
            skip_end_of_line(s);
        add_cell(s, cell);
    }
    return OK;
}

/* ---- the table ---- */

static err check_header(const csv_table *t) {
    const char *other = t->n_columns == 1 ? strpbrk(t->cells[0], ";\t|") : NULL;
    if (other)
        return fail(ERR_DATA, "%s: its header has no commas but %s: cells have to be divided by commas", t->path,
                    *other == ';'   ? "semicolons"
                    : *other == '|' ? "bars"
                                    : "tabs");
    return OK;
}

static err take_row(scanner *s) {
    csv_table *t = s->t;
    int n_cells;
    int64_t line = s->line, row = ++t->n_rows; /* the header is counted until the end */
    if ((row & (row - 1)) == 0)
        t->lines = mem_resize(t->lines, 2 * (size_t)row, sizeof *t->lines);
    t->lines[row - 1] = line;
    err code = scan_row(s, &n_cells);
    if (code != OK)
        return code;
    if (row == 1) {
        t->n_columns = n_cells;
        return check_header(t);
    }
    if (n_cells == t->n_columns)
        return OK;
    return fail(ERR_DATA, "%s, line %" PRId64 ": %d cell%s, its header has %d; cells that hold commas need quotes", t->path, line, n_cells,
                text_plural(n_cells), t->n_columns);
}

static err scan_rows(csv_table *t, size_t size) {
    static const char mark[] = "\xef\xbb\xbf"; /* some programs begin UTF-8 with it */
    if (memchr(t->text, '\0', size))
        return fail(ERR_DATA, "%s: is no text of UTF-8; save it as such", t->path);
    scanner s = {.t = t, .at = t->text, .end = t->text + size, .line = 1};
    if (size >= 3 && memcmp(t->text, mark, 3) == 0)
        s.at += 3;
    err code = OK;
    while (s.at < s.end && code == OK)
        if (is_end_of_line(&s))
            skip_end_of_line(&s);
        else
            code = take_row(&s);
    if (code == OK && --t->n_rows < 1)
        code = fail(ERR_DATA, "%s: has no rows below a header", t->path);
    return code;
}

err csv_read(csv_table *t, const char *path) {
    byte_buffer file = {0};
    *t = (csv_table){.path = mem_string(path)};
    err code = byte_buffer_read(&file, path);
    if (code == OK) {
        t->text = mem_new(file.size + 1, 1);
        if (file.size)
            memcpy(t->text, file.bytes, file.size);
        code = scan_rows(t, file.size);
    }
    byte_buffer_reset(&file);
    return code;
}

void csv_reset(csv_table *t) {
    mem_free(t->path);
    mem_free(t->text);
    mem_free(t->cells);
    mem_free(t->lines);
    *t = (csv_table){0};
}

char *csv_cell(const csv_table *t, int64_t row, int column) {
    return t->cells[(row + 1) * t->n_columns + column];
}

err csv_column(const csv_table *t, const char *name, int *column) {
    int found = 0;
    for (int i = 0; i < t->n_columns; i++)
        if (strcmp(t->cells[i], name) == 0 && found++ == 0)
            *column = i;
    if (found == 1)
        return OK;
    if (found > 1)
        return fail(ERR_DATA, "%s: %d columns are called \"%s\"; rename all but one", t->path, found, name);
    enum { NAMES_MOST = 20 };
    char *names = mem_string("");
    for (int i = 0; i < t->n_columns && i < NAMES_MOST; i++)
        text_append(&names, text_format("%s\"%s\"", i ? ", " : "", t->cells[i]));
    err code =
        fail(ERR_DATA, "%s: no column is called \"%s\"; there are %s%s", t->path, name, names, t->n_columns > NAMES_MOST ? ", …" : "");
    mem_free(names);
    return code;
}

err csv_refuse(const csv_table *t, int64_t row, int column, const char *what) {
    return fail(ERR_DATA, "%s, line %" PRId64 ", column \"%s\": %s", t->path, t->lines[row + 1], t->cells[column], what);
}
