/* Jobs as text: the way there and back, what a resumed run may change, files. */
#define _POSIX_C_SOURCE 200809L /* mkdtemp, open_memstream */
#include <stdlib.h>
#include <unistd.h>

#include "job/internal.h"
#include "job_samples.h"
#include "suite.h"

/* ---- back to text ---- */

/* Text → job → text → job: the second job's text says whether anything was lost. */
static job *survives(const job *j) {
    char *text = job_text(j);
    job *again = parsed(text);
    char *text_again = job_text(again);
    ck_assert_str_eq(text, text_again);
    char *changes = NULL;
    ck_assert_int_eq(job_check_resume(again, j, true, &changes), OK);
    ck_assert_str_eq(changes, "");
    mem_free(changes);
    mem_free(text);
    mem_free(text_again);
    return again;
}

START_TEST(blocks_of_samples_read_back) {
    const char *const words[] = {"data.shuffle={block: 64}", "data.shuffle=true"};
    job *j = parsed_with(small, words, 1), *again = survives(j);
    ck_assert(again->data.shuffle && again->data.shuffle_block == 64);
    job *whole_set = parsed_with(small, words, 2);
    ck_assert(whole_set->data.shuffle && whole_set->data.shuffle_block == 0);
    char *changes = NULL;
    ck_assert_int_eq(job_check_resume(whole_set, j, false, &changes), ERR_USAGE);
    mem_free(changes);
    ck_assert_msg(strstr(err_last()->text, "data.shuffle: true now, {block: 64} before"), "%s", err_last()->text);
    job_free(j);
    job_free(again);
    job_free(whole_set);
}
END_TEST

START_TEST(text_reads_back_to_the_same_job) {
    job *j = parsed(small);
    job_free(survives(j));
    job_free(j);
    j = parsed(whole);
    job *again = survives(j);
    ck_assert_str_eq(again->data.val, "data/x: y.h5");
    ck_assert_int_eq(again->data.augment.count, j->data.augment.count);
    for (int i = 0; i < j->data.augment.count; i++) {
        const transform *a = &j->data.augment.list[i], *b = &again->data.augment.list[i];
        ck_assert(a->kind == b->kind && memcmp(a->values, b->values, a->kind->size) == 0);
    }
    ck_assert_int_eq(memcmp(again->data.mean, j->data.mean, sizeof j->data.mean), 0);
    ck_assert_double_eq(again->optimizer.norm_weight_decay, 0);
    ck_assert_uint_eq(again->train.seed, UINT64_MAX);
    job_free(again);
    job_free(j);
}
END_TEST

START_TEST(numbers_survive_exactly) {
    static const double values[] = {0.1, 1.0 / 3, 1e-300, 5e-324, 4.9406564584124654e-324, 0.30000000000000004, 1e5, 600, 123456.789, 0};
    job *j = parsed(small);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        j->optimizer.lr = values[i];
        job *again = survives(j);
        ck_assert(again->optimizer.lr == values[i]);
        job_free(again);
    }
    j->data.n_mean = 3;
    j->data.mean[0] = 0.48235294f, j->data.mean[1] = 1.0f / 3, j->data.mean[2] = 1e-30f;
    job *again = survives(j);
    ck_assert_int_eq(memcmp(again->data.mean, j->data.mean, sizeof j->data.mean), 0);
    job_free(again);
    job_free(j);
}
END_TEST

/* As people write them, and as YAML 1.1 reads them: a dot before the exponent. */
START_TEST(numbers_are_readable) {
    const char *const overrides[] = {"checkpoint.every_seconds=600", "optimizer.lr=0.00001", "schedule.gamma=1e-4"};
    job *j = parsed_with(small, overrides, 3);
    char *text = job_text(j);
    ck_assert_ptr_nonnull(strstr(text, "every_seconds: 600\n"));
    ck_assert_ptr_nonnull(strstr(text, "lr: 1.0e-05\n"));
    ck_assert_ptr_nonnull(strstr(text, "gamma: 0.0001\n"));
    mem_free(text);
    job_free(j);
}
END_TEST

START_TEST(texts_survive_exactly) {
    static const char *const texts[] = {"null",
                                        "~",
                                        "true",
                                        "No",
                                        "1e5",
                                        "-",
                                        "a: b",
                                        "a #b",
                                        " lead",
                                        "trail ",
                                        "it's",
                                        "a\"b\\c",
                                        "two\nlines\n",
                                        "*x",
                                        "&x",
                                        "!x",
                                        "%x",
                                        "@x",
                                        "{x",
                                        "[x",
                                        "x, y",
                                        "-x",
                                        "? x",
                                        "a\tb",
                                        ".5",
                                        "../x",
                                        "x:",
                                        "y",
                                        "\x01",
                                        "0",
                                        "`x",
                                        "|",
                                        ">",
                                        "'",
                                        "\"",
                                        "\\",
                                        "data/train-*.h5",
                                        "2020-01-01",
                                        "\xc3\xa4\xc2\x85\xe2\x80\xa8",
                                        "\xf0\x9f\x90\x9f"};
    job *j = parsed(small);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        mem_free(j->data.train);
        j->data.train = mem_string(texts[i]);
        job *again = survives(j);
        ck_assert_str_eq(again->data.train, texts[i]);
        job_free(again);
    }
    job_free(j);
}
END_TEST

/* ---- resume ---- */

/* Whether `whole` with the overrides may go on from `whole`, and what is said of it. */
static err resumed(const char *text, const char *const *overrides, int count, bool finished, const char *expected) {
    job *before = parsed(whole), *now = parsed_with(text, overrides, count);
    char *changes = NULL;
    err code = job_check_resume(now, before, finished, &changes);
    ck_assert_str_eq(code == OK ? changes : err_last()->text, expected);
    mem_free(changes);
    job_free(before);
    job_free(now);
    return code;
}

static void resume_refused(const char *override, const char *expected) {
    char *text = text_format("the run cannot be resumed with another job than it began with: %s", expected);
    ck_assert_int_eq(resumed(whole, &override, 1, false, text), ERR_USAGE);
    ck_assert_int_eq(resumed(whole, &override, 1, true, text), ERR_USAGE);
    mem_free(text);
}

START_TEST(resume_names_what_differs) {
    resume_refused("train.lanes=16", "train.lanes: 16 now, 32 before");
    resume_refused("train.seed=3", "train.seed: 3 now, 18446744073709551615 before");
    resume_refused("model={name: resnet18, dropout: 0.1}", "model.name: resnet18 now, resnet50 before; model.classes: 0 now, 1000 before; "
                                                           "model.zero_init_residual: not given now, 1 before");
    resume_refused("model.width=2", "model.width: 2 now, not given before");
    resume_refused("data.mean=[0.5]", "data.mean: [0.5] now, [0.485, 0.456, 0.406] before");
    resume_refused("data.augment=[hflip]",
                   "data.augment: [{hflip: {p: 0.5}}] now, [{random_resized_crop: {size: 224, scale: [0.25, 1], ratio: [0.75, "
                   "1.3333333333333333]}}, {hflip: {p: 0.5}}, {random_crop: {size: 200, padding: 4}}] before");
    resume_refused("init.from=other.h5", "init.from: other.h5 now, weights.h5 before");
}
END_TEST

START_TEST(resume_takes_what_changes_no_result) {
    const char *const overrides[] = {"name=other", "train.max_steps=0", "log={}", "data.train=moved.h5", "checkpoint.keep=1"};
    const char *changes = "name: whole -> other; data.train: data/imagenet/train-*.h5 -> moved.h5; train.max_steps: 7 -> 0; "
                          "checkpoint.keep: 5 -> 1; log.every_steps: 1 -> 10";
    for (int finished = 0; finished < 2; finished++)
        ck_assert_int_eq(resumed(whole, overrides, 5, finished, changes), OK);
    ck_assert_int_eq(resumed(whole, NULL, 0, true, ""), OK);
}
END_TEST

/* The default of a key in a section that is given as a whole, and a key that follows another one, are given with it. */
START_TEST(resume_takes_another_result_from_overrides) {
    const char *lr = "optimizer.lr=0.2", *section = "schedule={name: multistep, milestones: [30, 60, 80], gamma: 0.1, warmup_epochs: 2.5}";
    ck_assert_int_eq(resumed(whole, &lr, 1, false, "optimizer.lr: 0.1 -> 0.2"), OK);
    ck_assert_int_eq(resumed(whole, &section, 1, false, "schedule.warmup_decay: 0.125 -> 0.01"), OK);
    const char *decay = "optimizer.weight_decay=0.5";
    ck_assert_int_eq(resumed(whole, &decay, 1, false, "optimizer.weight_decay: 0.0001 -> 0.5; optimizer.bias_weight_decay: 0.0001 -> 0.5"),
                     OK);
}
END_TEST

START_TEST(resume_takes_no_other_result_from_a_file) {
    char *edited = mem_string(whole);
    memcpy(strstr(edited, "lr: 0.1,"), "lr: 0.7,", 8);
    memcpy(strstr(edited, "gamma: 0.1"), "gamma: 0.3", 10);
    ck_assert_int_eq(resumed(edited, NULL, 0, false,
                             "x.yaml:19: optimizer.lr: 0.1 -> 0.7; x.yaml:20: schedule.gamma: 0.1 -> 0.3: a run that is resumed takes "
                             "another value from the command line only: `optimizer.lr=0.7 schedule.gamma=0.3` beside --resume goes on with "
                             "it; another --out or no --resume trains anew"),
                     ERR_USAGE);
    const char *gamma = "schedule.gamma=0.5", *both[] = {"optimizer.lr=0.7", gamma};
    ck_assert_int_eq(resumed(edited, &gamma, 1, false,
                             "x.yaml:19: optimizer.lr: 0.1 -> 0.7: a run that is resumed takes another value from the command line only: "
                             "`optimizer.lr=0.7` beside --resume goes on with it; another --out or no --resume trains anew"),
                     ERR_USAGE);
    ck_assert_int_eq(resumed(edited, both, 2, false, "optimizer.lr: 0.1 -> 0.7; schedule.gamma: 0.1 -> 0.5"), OK);
    mem_free(edited);
}
END_TEST

START_TEST(a_finished_run_takes_no_other_result) {
    const char *lr = "optimizer.lr=0.2";
    ck_assert_int_eq(resumed(whole, &lr, 1, true,
                             "the run is finished, and its result is not what the job says now: optimizer.lr: 0.1 -> 0.2; another --out or "
                             "no --resume trains anew, a larger train.epochs on the command line trains on"),
                     ERR_USAGE);
}
END_TEST

START_TEST(every_key_says_what_another_value_means_to_a_resumed_run) {
    const job_schema *s = job_keys();
    for (int i = 0; i < s->n_keys; i++)
        ck_assert_msg(s->keys[i].option->change != OPTION_UNSAID, "%s.%s does not say", s->keys[i].section, s->keys[i].option->name);
}
END_TEST

/* Resolved jobs of before a key came stay as they are. */
START_TEST(quiet_keys_are_said_where_they_matter) {
    job *j = parsed(small);
    char *text = job_text(j);
    ck_assert_ptr_null(strstr(text, "clip_grad"));
    mem_free(text);
    job_free(j);
    const char *clip = "train.clip_grad=0.5";
    j = overridden(clip);
    ck_assert_double_eq(j->optimizer.clip_grad, 0.5);
    text = job_text(j);
    ck_assert_ptr_nonnull(strstr(text, "  clip_grad: 0.5\n"));
    mem_free(text);
    job_free(survives(j));
    job_free(j);
    ck_assert_int_eq(resumed(whole, &clip, 1, false, "train.clip_grad: 0 -> 0.5"), OK);
}
END_TEST

/* Options of a name may stand in several kinds of a section, but nowhere beside the section's own. */
START_TEST(kinds_options_have_names_of_their_own) {
    const job_schema *s = job_keys();
    for (int i = 0; i < s->n_keys; i++)
        ck_assert_msg(!s->keys[i].is_twin || job_find_key(s->keys[i].section, s->keys[i].option->name)->kind, "%s.%s is there twice",
                      s->keys[i].section, s->keys[i].option->name);
}
END_TEST

/* ---- files ---- */

START_TEST(files_are_read) {
    char folder[] = "/tmp/shoal-job-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(folder));
    char *path = text_format("%s/a.yaml", folder), *expected;
    job *j;
    ck_assert_int_eq(job_read(&j, path, NULL, 0), ERR_IO);
    expected = text_format("%s: cannot be read: No such file or directory", path);
    ck_assert_str_eq(err_last()->text, expected);
    mem_free(expected);
    ck_assert_int_eq(job_read(&j, folder, NULL, 0), ERR_IO);

    FILE *file = fopen(path, "w");
    for (int i = 0; i < 5000; i++) /* more than one read */
        fputs("# a comment that makes the file long\n", file);
    fputs(small, file);
    fputs("oops: 1\n", file);
    fclose(file);
    ck_assert_int_eq(job_read(&j, path, NULL, 0), ERR_USAGE);
    expected = text_format("%s:5006: oops: unknown key", path);
    ck_assert_str_eq(err_last()->text, expected);
    mem_free(expected);
    unlink(path);
    rmdir(folder);
    mem_free(path);
}
END_TEST

/* The jobs that come with the program, found from this file's own place. */
START_TEST(our_own_jobs_are_read) {
    static const char *const names[] = {"lenet-mnist", "resnet20-cifar10", "resnet50-imagenet", "vgg16-imagenet", "quickstart-glyphs"};
    int length = (int)(strrchr(__FILE__, '/') - __FILE__);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = text_format("%.*s/../../jobs/%s.yaml", length, __FILE__, names[i]);
        job *j;
        ck_assert_msg(job_read(&j, path, NULL, 0) == OK, "%s", err_last()->text);
        ck_assert_str_eq(j->name, names[i]);
        job_free(survives(j));
        job_free(j);
        mem_free(path);
    }
}
END_TEST

START_TEST(help_names_every_key) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    job_print_keys(out);
    fclose(out);
    static const char *const words[] = {"warmup_decay",
                                        "every_seconds",
                                        "(required)",
                                        "constant, step, multistep, cosine, poly",
                                        "random_resized_crop: {size: (required), scale: [0.08, 1]",
                                        "color_jitter: {brightness: 0, contrast: 0, saturation: 0, hue: 0}"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        ck_assert_msg(strstr(text, words[i]) != NULL, "%s", words[i]);
    free(text);
}
END_TEST

int main(void) {
    TCase *tests = suite_case("all");
    tcase_add_test(tests, blocks_of_samples_read_back);
    tcase_add_test(tests, text_reads_back_to_the_same_job);
    tcase_add_test(tests, numbers_survive_exactly);
    tcase_add_test(tests, numbers_are_readable);
    tcase_add_test(tests, texts_survive_exactly);
    tcase_add_test(tests, resume_names_what_differs);
    tcase_add_test(tests, resume_takes_what_changes_no_result);
    tcase_add_test(tests, resume_takes_another_result_from_overrides);
    tcase_add_test(tests, resume_takes_no_other_result_from_a_file);
    tcase_add_test(tests, a_finished_run_takes_no_other_result);
    tcase_add_test(tests, every_key_says_what_another_value_means_to_a_resumed_run);
    tcase_add_test(tests, kinds_options_have_names_of_their_own);
    tcase_add_test(tests, quiet_keys_are_said_where_they_matter);
    tcase_add_test(tests, files_are_read);
    tcase_add_test(tests, our_own_jobs_are_read);
    tcase_add_test(tests, help_names_every_key);
    return suite_run();
}
