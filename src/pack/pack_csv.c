/* Pictures and what is known of them, from a CSV file: a column of paths, others of labels or numbers. Rows stay in their order. */
#include "pack/csv.h"
#include "pack/csv_labels.h"
#include "pack/intake.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Columns by their names, as somebody asked. */
typedef struct column_list {
    int *places;
    int count;
} column_list;

typedef struct csv_packer {
    const pack_options *options;
    csv_table table;
    int paths; /* the column of paths */
    column_list label_columns, target_columns;
    csv_labels labels;
    float *targets; /* [rows][target_columns.count] */
    bool *to_val;   /* [rows] */
    char *folder;   /* that paths are from */
    intake in;
} csv_packer;

/* `a,b`: names of columns, divided by commas; NULL: none. */
static err find_columns(column_list *l, const csv_table *t, const char *names) {
    err code = OK;
    while (names && code == OK) {
        size_t length = strcspn(names, ",");
        char *name = text_format("%.*s", (int)length, names);
        l->places = mem_resize(l->places, (size_t)l->count + 1, sizeof *l->places);
        code = csv_column(t, name, &l->places[l->count++]);
        names = names[length] ? names + length + 1 : NULL;
        mem_free(name);
    }
    return code;
}

static err read_table(csv_packer *p) {
    const pack_options *o = p->options;
    err code = csv_read(&p->table, o->source);
    if (code == OK && o->paths)
        code = csv_column(&p->table, o->paths, &p->paths);
    if (code == OK)
        code = find_columns(&p->label_columns, &p->table, o->labels);
    if (code == OK)
        code = find_columns(&p->target_columns, &p->table, o->targets);
    if (code == OK && p->label_columns.count)
        code = csv_labels_read(&p->labels, &p->table, p->label_columns.places, p->label_columns.count, o->separator);
    if (code == OK && pack_check_classes(p->labels.classes, p->labels.n_classes) != OK)
        code = err_prefix("%s", o->source);
    if (code == OK && p->target_columns.count)
        code = csv_numbers_read(&p->targets, &p->table, p->target_columns.places, p->target_columns.count);
    return code;
}

/* ---- which rows go to val ---- */

/* The rows of a group that a keyed permutation puts first. */
static void choose(csv_packer *p, const int64_t *rows, int64_t count, const char *name) {
    rng_key key = rng_make_key(p->options->seed, RNG_DATA, rng_hash(name), 0);
    int64_t n_val = (int64_t)floor((double)count * p->options->val_share + 0.5);
    for (int64_t i = 0; i < n_val; i++)
        p->to_val[rows[rng_permute(key, (uint64_t)count, (uint64_t)i)]] = true;
}

/* The share of each class; of all rows where a picture has not one label. */
static void choose_val(csv_packer *p) {
    const csv_labels *l = &p->labels;
    int64_t n_rows = p->table.n_rows, *rows = mem_new((size_t)n_rows, sizeof *rows), *ends;
    bool by_class = l->n_classes && !l->several;
    int n_groups = by_class ? l->n_classes : 1;
    ends = mem_new((size_t)n_groups + 1, sizeof *ends);
    p->to_val = mem_new((size_t)n_rows, sizeof *p->to_val);
    for (int64_t row = 0; row < n_rows; row++)
        ends[by_class ? l->labels[row] + 1 : 1]++;
    for (int g = 1; g < n_groups; g++)
        ends[g + 1] += ends[g];
    for (int64_t row = n_rows - 1; row >= 0; row--) /* from behind: ends become beginnings */
        rows[--ends[by_class ? l->labels[row] + 1 : 1]] = row;
    for (int g = 0; g < n_groups; g++)
        choose(p, rows + ends[g + 1], (g + 1 < n_groups ? ends[g + 2] : n_rows) - ends[g + 1], by_class ? l->classes[g] : "");
    mem_free(rows);
    mem_free(ends);
}

/* ---- the pictures ---- */

static err begin(csv_packer *p, split part, double count) {
    const char *task = !p->labels.n_classes ? "regression" : p->labels.several ? "multilabel" : "classification";
    return intake_begin(
        &p->in, part,
        (dataset_writer_options){
            .count = (int64_t)count, .task = task, .several_labels = p->labels.several, .n_targets = p->target_columns.count});
}

static err add_row(csv_packer *p, int64_t row) {
    const char *name = csv_cell(&p->table, row, p->paths);
    const uint64_t *offsets = p->labels.offsets;
    if (!*name)
        return csv_refuse(&p->table, row, p->paths, "no path; remove the row, or fill it in");
    char *path = name[0] == '/' ? mem_string(name) : text_format("%s/%s", p->folder, name);
    dataset_sample sample = {.targets = p->targets ? p->targets + row * p->target_columns.count : NULL};
    if (p->labels.n_classes) {
        sample.labels = p->labels.labels + offsets[row];
        sample.n_labels = (int)(offsets[row + 1] - offsets[row]);
    }
    char *who = text_format("%s, line %" PRId64, p->table.path, p->table.lines[row + 1]);
    bool good;
    err code = intake_load(&p->in, who, path, &good);
    if (code == OK && good)
        code = intake_add(&p->in, p->to_val[row] ? VAL : TRAIN, sample, path);
    mem_free(who);
    mem_free(path);
    return code;
}

static err pack(csv_packer *p) {
    double share = p->options->val_share, count = (double)p->table.n_rows;
    p->in = (intake){.options = p->options, .classes = p->labels.classes, .n_classes = p->labels.n_classes};
    choose_val(p);
    err code = begin(p, TRAIN, count * (1 - share));
    if (code == OK && share > 0)
        code = begin(p, VAL, count * share);
    for (int64_t row = 0; row < p->table.n_rows && code == OK; row++)
        code = add_row(p, row);
    return code == OK ? intake_finish(&p->in, p->options->source, share > 0) : code;
}

err pack_csv(const pack_options *options) {
    csv_packer p = {.options = options, .folder = path_folder(options->source)};
    err code = options->labels || options->targets
                   ? read_table(&p)
                   : fail(ERR_USAGE, "which columns are labels or numbers? --labels NAMES, --targets NAMES");
    if (code == OK)
        code = pack(&p);
    intake_reset(&p.in);
    csv_labels_reset(&p.labels);
    csv_reset(&p.table);
    mem_free(p.targets);
    mem_free(p.to_val);
    mem_free(p.folder);
    mem_free(p.label_columns.places);
    mem_free(p.target_columns.places);
    return code;
}
