/* The surveys of a split joined into one file, in the order of the source: the pictures that go into the set. What is odd about any of
 * them is written to a list for people. Goes through the surveys twice, as entries come before names, and holds one unit's at a time. */
#include "pack/imagenet.h"

#include <string.h>

typedef struct builder {
    imagenet *work;
    split part;
    file_writer index, odd;
    survey_head head;
    uint64_t names; /* bytes of names so far */
    picture_entry *entries;
    byte_buffer text;
} builder;

/* Every name, and the reason behind one that is left out, lies within the file. */
static err check_names(const builder *b, const survey_file *f) {
    uint64_t bytes = f->head.name_bytes;
    bool good = bytes == 0 || b->text.bytes[bytes - 1] == '\0';
    for (uint64_t i = 0; i < f->head.count && good; i++) {
        const picture_entry *e = &b->entries[i];
        good = e->name < bytes;
        if (good && e->odd & ODD_LEFT_OUT)
            good = e->name + strlen((const char *)b->text.bytes + e->name) + 1 < bytes;
    }
    return good ? OK : fail(ERR_DATA, "%s: damaged; remove its folder and start again", f->path);
}

/* Calls `use` with each unit's survey open, its entries and names in memory. */
static err for_each_survey(builder *b, err (*use)(builder *b, const survey_head *head)) {
    err code = OK;
    for (int i = 0; i < b->work->source.n_units && code == OK; i++) {
        if (b->work->source.units[i].part != b->part)
            continue;
        survey_file f;
        char *path = state_survey_path(b->work, i);
        code = survey_file_open(&f, path);
        if (code == OK) {
            b->entries = mem_resize(b->entries, f.head.count, sizeof *b->entries);
            code = survey_file_entries(&f, 0, f.head.count, b->entries);
        }
        if (code == OK)
            code = survey_file_names(&f, &b->text);
        if (code == OK)
            code = check_names(b, &f);
        if (code == OK)
            code = use(b, &f.head);
        survey_file_close(&f);
        mem_free(path);
    }
    return code;
}

static const char *name_of(const builder *b, const picture_entry *e) {
    return (const char *)b->text.bytes + e->name;
}

static err add_heads(builder *b, const survey_head *head) {
    survey_head *all = &b->head;
    all->left_out += head->left_out;
    all->ignored += head->ignored;
    all->kept_bytes += head->kept_bytes;
    pixel_sums_join(&all->sums, &head->sums);
    for (uint64_t i = 0; i < head->count; i++)
        if (!(b->entries[i].odd & ODD_LEFT_OUT)) {
            all->count++;
            all->name_bytes += strlen(name_of(b, &b->entries[i])) + 1;
        }
    return OK;
}

static err add_entries(builder *b, const survey_head *head) {
    err code = OK;
    for (uint64_t i = 0; i < head->count && code == OK; i++) {
        picture_entry e = b->entries[i];
        if (e.odd & ODD_LEFT_OUT)
            continue;
        size_t bytes = strlen(name_of(b, &e)) + 1;
        e.name = b->names;
        b->names += bytes;
        code = file_writer_add(&b->index, &e, sizeof e);
    }
    return code;
}

static err add_names(builder *b, const survey_head *head) {
    err code = OK;
    for (uint64_t i = 0; i < head->count && code == OK; i++) {
        const char *name = name_of(b, &b->entries[i]);
        if (!(b->entries[i].odd & ODD_LEFT_OUT))
            code = file_writer_add(&b->index, name, strlen(name) + 1);
    }
    return code;
}

/* A line is a line, whatever is in a file's name. A new string. */
static char *printable(const char *name) {
    size_t room = text_printable(NULL, 0, name) + 1;
    char *text = mem_new(room, 1);
    text_printable(text, room, name);
    return text;
}

/* `NAME <tab> grey, progressive`; for those left out the reason behind it. */
static err add_odd_line(builder *b, const picture_entry *e) {
    const char *name = name_of(b, e), *reason = e->odd & ODD_LEFT_OUT ? name + strlen(name) + 1 : "";
    char what[256] = "";
    for (int i = 0; i < n_oddities; i++)
        if (e->odd & oddity_names[i].bit) {
            strcat(what, what[0] ? ", " : "");
            strcat(what, oddity_names[i].text);
        }
    char *shown = printable(name), *line = text_format("%s\t%s%s%s\n", shown, what, *reason ? "\t" : "", reason);
    err code = file_writer_add(&b->odd, line, strlen(line));
    mem_free(shown);
    mem_free(line);
    return code;
}

static err add_odd(builder *b, const survey_head *head) {
    err code = OK;
    for (uint64_t i = 0; i < head->count && code == OK; i++)
        if (b->entries[i].odd)
            code = add_odd_line(b, &b->entries[i]);
    return code;
}

static err build(builder *b) {
    err code = for_each_survey(b, add_heads);
    if (code == OK && b->head.count == 0)
        code = fail(ERR_DATA, "%s: none of the %s pictures can be decoded", b->work->options->source, split_names[b->part]);
    if (code == OK)
        code = survey_file_start(&b->index, &b->head);
    if (code == OK)
        code = for_each_survey(b, add_entries);
    if (code == OK)
        code = for_each_survey(b, add_names);
    if (code == OK)
        code = for_each_survey(b, add_odd);
    if (code == OK)
        code = file_writer_finish(&b->odd);
    return code == OK ? file_writer_finish(&b->index) : code; /* last: where it is, all is */
}

err index_build(imagenet *work, split part) {
    builder b = {.work = work, .part = part};
    char *path = state_index_path(work, part), *odd = state_odd_path(work, part);
    err code = OK;
    if (!pack_file_is_there(path)) {
        code = file_writer_open(&b.index, path);
        if (code == OK)
            code = file_writer_open(&b.odd, odd);
        if (code == OK)
            code = build(&b);
    }
    file_writer_close(&b.index);
    file_writer_close(&b.odd);
    mem_free(b.entries);
    byte_buffer_reset(&b.text);
    mem_free(path);
    mem_free(odd);
    return code;
}
