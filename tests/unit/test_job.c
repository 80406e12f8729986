/* Job files: defaults, every kind of mistake with its line, overrides. */

#include "job_samples.h"
#include "suite.h"

/* ---- helpers ---- */

static void refused_with(const char *text, const char *override, const char *expected) {
    job *j;
    ck_assert_msg(job_parse(&j, text, "x.yaml", &override, override ? 1 : 0) == ERR_USAGE, "accepted:\n%s%s", text,
                  override ? override : "");
    ck_assert_ptr_null(j);
    ck_assert_str_eq(err_last()->text, expected);
}

/* The small job with one more line at its end, line 6. */
static void line_refused(const char *line, const char *expected) {
    char *text = text_format("%s%s\n", small, line);
    refused_with(text, NULL, expected);
    mem_free(text);
}

static void override_refused(const char *override, const char *expected) {
    refused_with(small, override, expected);
}

static const int *milestones_of(const job *j, int *count) {
    const option_kind *kind = option_find_kind(schedule_kind_at, j->schedule.name);
    *count = *option_count(option_find(kind, "milestones"), j->schedule.own);
    return option_member(option_find(kind, "milestones"), j->schedule.own);
}

/* ---- what is read ---- */

START_TEST(defaults_hold_where_nothing_is_given) {
    job *j = parsed(small);
    ck_assert_str_eq(j->name, "small");
    ck_assert_str_eq(j->model.name, "lenet5");
    ck_assert_int_eq(j->model.classes, 0);
    ck_assert_int_eq(j->model.n_options, 0);
    ck_assert_str_eq(j->data.train, "train.h5");
    ck_assert_ptr_null(j->data.val);
    ck_assert(j->data.shuffle && j->data.drop_last);
    ck_assert(j->data.workers == 0 && j->data.max_bad == 0.001 && !j->data.stage && j->data.shuffle_block == 0);
    ck_assert_int_eq(j->data.n_mean + j->data.n_std + j->data.augment.count + j->data.eval.count, 0);
    ck_assert_int_eq(j->train.epochs, 2);
    ck_assert_int_eq(j->train.batch, 16);
    ck_assert_int_eq(j->train.max_steps, 0);
    ck_assert_int_eq(j->train.lanes, 8);
    ck_assert_uint_eq(j->train.seed, 1);
    ck_assert_double_eq(j->train.label_smoothing, 0);
    ck_assert_int_eq(j->train.sync_batchnorm, NORM_GLOBAL);
    ck_assert_str_eq(j->comm.gradients, "float32");
    ck_assert_str_eq(j->optimizer.name, "sgd");
    ck_assert_double_eq(j->optimizer.lr, 0.1);
    ck_assert_double_eq(optimizer_number(j, "momentum"), 0);
    ck_assert(optimizer_number(j, "nesterov") == 0);
    ck_assert_double_eq(j->optimizer.weight_decay + j->optimizer.norm_weight_decay + j->optimizer.bias_weight_decay, 0);
    ck_assert_str_eq(j->schedule.name, "constant");
    ck_assert_ptr_null(j->init.from);
    ck_assert_int_eq(j->checkpoint.every_epochs, 1);
    ck_assert_double_eq(j->checkpoint.every_seconds, 600);
    ck_assert_int_eq(j->checkpoint.keep, 3);
    ck_assert_int_eq(j->log.every_steps, 10);
    job_free(j);
}
END_TEST

START_TEST(every_key_is_read) {
    job *j = parsed(whole);
    ck_assert_int_eq(j->model.classes, 1000);
    ck_assert_int_eq(j->model.n_options, 2);
    ck_assert_str_eq(j->model.options[0].name, "zero_init_residual");
    ck_assert_double_eq(j->model.options[0].value, 1);
    ck_assert_double_eq(j->model.options[1].value, 0.1);
    ck_assert_str_eq(j->data.val, "data/x: y.h5");
    ck_assert(!j->data.shuffle && !j->data.drop_last);
    ck_assert(j->data.workers == 3 && j->data.max_bad == 0.25 && strcmp(j->data.stage, "/dev/shm") == 0);
    ck_assert_int_eq(j->data.n_mean, 3);
    ck_assert(j->data.mean[2] == 0.406f && j->data.std[0] == 0.229f && j->data.std[1] == 0.224f);
    ck_assert_uint_eq(j->train.seed, UINT64_MAX);
    ck_assert_int_eq(j->train.sync_batchnorm, NORM_LANE);
    ck_assert_str_eq(j->comm.gradients, "fp16");
    ck_assert_double_eq(j->optimizer.weight_decay, 1e-4);
    ck_assert_double_eq(j->optimizer.norm_weight_decay, 0);
    ck_assert_double_eq(j->optimizer.bias_weight_decay, 1e-4);
    int n_milestones;
    const int *milestones = milestones_of(j, &n_milestones);
    ck_assert_int_eq(n_milestones, 3);
    ck_assert_int_eq(milestones[2], 80);
    ck_assert_double_eq(schedule_number(j, "gamma"), 0.1);
    ck_assert_double_eq(j->schedule.warmup_epochs, 2.5);
    ck_assert_int_eq(j->init.n_freeze, 2);
    ck_assert_str_eq(j->init.freeze[1], "layer1.*");
    ck_assert_int_eq(j->checkpoint.every_steps, 500);
    job_free(j);
}
END_TEST

static const double *range(const transform *t, const char *name) {
    return option_member(option_find(t->kind, name), t->values);
}

START_TEST(transforms_have_torchvisions_defaults) {
    job *j = parsed(whole);
    const option_list *augment = &j->data.augment, *eval = &j->data.eval;
    ck_assert_int_eq(augment->count, 3);
    ck_assert_str_eq(augment->list[0].kind->name, "random_resized_crop");
    ck_assert_double_eq(transform_number(&augment->list[0], "size"), 224);
    ck_assert_double_eq(range(&augment->list[0], "scale")[0], 0.25);
    ck_assert_double_eq(range(&augment->list[0], "ratio")[0], 3.0 / 4);
    ck_assert_double_eq(range(&augment->list[0], "ratio")[1], 4.0 / 3);
    ck_assert_str_eq(augment->list[1].kind->name, "hflip");
    ck_assert_double_eq(transform_number(&augment->list[1], "p"), 0.5);
    ck_assert_double_eq(transform_number(&augment->list[2], "padding"), 4);
    ck_assert_int_eq(eval->count, 3);
    ck_assert_str_eq(eval->list[1].kind->name, "center_crop");
    ck_assert_double_eq(transform_number(&eval->list[2], "p"), 1);
    job_free(j);
    j = overridden("data.augment=[random_resized_crop: {size: 8}]");
    ck_assert_double_eq(range(&j->data.augment.list[0], "scale")[0], 0.08);
    ck_assert_double_eq(range(&j->data.augment.list[0], "scale")[1], 1);
    job_free(j);
    j = overridden("data.augment=[color_jitter: {brightness: 0.4, saturation: 1.5, hue: 0.1}]");
    const transform *jitter = &j->data.augment.list[0];
    ck_assert_str_eq(jitter->kind->name, "color_jitter");
    ck_assert(transform_number(jitter, "brightness") == 0.4 && transform_number(jitter, "contrast") == 0 &&
              transform_number(jitter, "saturation") == 1.5 && transform_number(jitter, "hue") == 0.1);
    job_free(j);
}
END_TEST

/* ---- mistakes ---- */

START_TEST(unknown_keys_are_named_with_line_and_nearest) {
    refused_with("name: x\nmodel: {name: lenet5}\ntrain:\n  epochs: 2\n  batchsize: 5\n", NULL,
                 "x.yaml:5: train.batchsize: unknown key (did you mean \"batch\"?)");
    line_refused("optimiser: {lr: 1}", "x.yaml:6: optimiser: unknown key (did you mean \"optimizer\"?)");
    line_refused("epochs: 3", "x.yaml:6: epochs: unknown key (did you mean \"train.epochs\"?)");
    line_refused("log: {lr: 3}", "x.yaml:6: log.lr: unknown key (did you mean \"optimizer.lr\"?)");
    line_refused("zzzzzzzzzz: 3", "x.yaml:6: zzzzzzzzzz: unknown key");
    line_refused("<<: {a: b}", "x.yaml:6: <<: unknown key");
}
END_TEST

START_TEST(wrong_types_are_named) {
    line_refused("log: {every_steps: many}", "x.yaml:6: log.every_steps: \"many\" is not a whole number");
    line_refused("log: {every_steps: 1.5}", "x.yaml:6: log.every_steps: \"1.5\" is not a whole number");
    line_refused("log: {every_steps: \"3\"}", "x.yaml:6: log.every_steps: \"3\" in quotes is not a whole number");
    line_refused("log: {every_steps: [1]}", "x.yaml:6: log.every_steps: a list is not a whole number");
    line_refused("log: {every_steps: {a: 1}}", "x.yaml:6: log.every_steps: a map is not a whole number");
    line_refused("log: {every_steps: }", "x.yaml:6: log.every_steps: has no value: a whole number is needed");
    line_refused("log: {every_steps: 0x10}", "x.yaml:6: log.every_steps: \"0x10\" is not a whole number");
    line_refused("schedule: {gamma: nan}", "x.yaml:6: schedule.gamma: \"nan\" is not a number");
    line_refused("schedule: {gamma: .inf}", "x.yaml:6: schedule.gamma: \".inf\" is not a number");
    line_refused("schedule: {gamma: 1e999}", "x.yaml:6: schedule.gamma: \"1e999\" is not a number");
    line_refused("schedule: {gamma: 1e}", "x.yaml:6: schedule.gamma: \"1e\" is not a number");
    line_refused("schedule: {milestones: 3}", "x.yaml:6: schedule.milestones: \"3\" is not a list of whole numbers, like [30, 60, 80]");
    line_refused("init: {replace_head: 1}", "x.yaml:6: init.replace_head: \"1\" is not true or false");
    line_refused("init: {from: [a]}", "x.yaml:6: init.from: a list is not text");
    line_refused("init: {freeze: conv1}", "x.yaml:6: init.freeze: \"conv1\" is not a list of texts, like [\"layer1.*\", conv1.weight]");
    line_refused("schedule: {name: cosin}",
                 "x.yaml:6: schedule.name: \"cosin\" is not constant, step, multistep, cosine or poly (did you mean \"cosine\"?)");
    line_refused("log: 5", "x.yaml:6: log: is a section: its keys belong below it, as a map");
    line_refused("log: [every_steps: 5]", "x.yaml:6: log: is a section: its keys belong below it, as a map");
    refused_with("name: x\nmodel: {name: lenet5, dropout: high}\n", NULL,
                 "x.yaml:2: model.dropout: \"high\" is not a number, true or false");
    refused_with("name:\n", NULL, "x.yaml:1: name: has no value: text is needed");
    line_refused("comm: {gradients: bf61}", "x.yaml:6: comm.gradients: \"bf61\" is not float32, bf16 or fp16 (did you mean \"bf16\"?)");
    refused_with("name: x\ntrain: {sync_batchnorm: locl}\n", NULL, "x.yaml:2: train.sync_batchnorm: \"locl\" is not global, rank or lane");
}
END_TEST

START_TEST(impossible_values_are_named) {
    line_refused("log: {every_steps: 0}", "x.yaml:6: log.every_steps: 0 is too small: at least 1");
    line_refused("log: {every_steps: -3}", "x.yaml:6: log.every_steps: -3 is too small: at least 1");
    line_refused("log: {every_steps: 99999999999999999999}", "x.yaml:6: log.every_steps: 99999999999999999999 is too large: at most 1e+15");
    line_refused("checkpoint: {keep: 4294967297}", "x.yaml:6: checkpoint.keep: 4294967297 is too large: at most 1000000");
    line_refused("schedule: {warmup_epochs: 3}", "x.yaml:6: schedule.warmup_epochs 3 is more than train.epochs 2");
    line_refused("schedule: {name: multistep}", "x.yaml:6: schedule.milestones is missing: multistep needs the epochs, like [30, 60, 80]");
    line_refused("schedule: {name: multistep, milestones: [3, 3]}", "x.yaml:6: schedule.milestones must rise: 3 stands behind 3");
    line_refused("schedule: {name: cosine, min_lr: 0.2}", "x.yaml:6: schedule.min_lr 0.2 is above optimizer.lr 0.1");
    line_refused("init: {replace_head: true}", "x.yaml:6: init.replace_head without init.from: there is no head to replace");
    override_refused("train.batch=0", "override train.batch=0: train.batch: 0 is too small: at least 1");
    override_refused("train.lanes=0", "override train.lanes=0: train.lanes: 0 is too small: at least 1");
    override_refused("train.batch=100", "override train.batch=100: train.batch 100 cannot be cut into 8 lanes: use 96 or 104");
    override_refused("train.batch=3", "override train.batch=3: train.batch 3 cannot be cut into 8 lanes: use 8");
    override_refused("train.lanes=5", "x.yaml:4: train.batch 16 cannot be cut into 5 lanes: use 15 or 20");
    override_refused("train.seed=-1", "override train.seed=-1: train.seed: -1 does not lie in 0 … 18446744073709551615");
    override_refused("train.seed=18446744073709551616",
                     "override train.seed=18446744073709551616: train.seed: 18446744073709551616 does not lie in 0 … 18446744073709551615");
    override_refused("train.label_smoothing=1.5", "override train.label_smoothing=1.5: train.label_smoothing: 1.5 is too large: at most 1");
    override_refused("optimizer.lr=-1e-3", "override optimizer.lr=-1e-3: optimizer.lr: -1e-3 is too small: at least 0");
    override_refused("optimizer.nesterov=true", "override optimizer.nesterov=true: optimizer.nesterov needs a momentum above 0");
    override_refused("data.std=[0.2, 0]", "override data.std=[0.2, 0]: data.std: 0 is too small: at least 1e-06");
    override_refused("data.mean=[1,2,3,4]", "override data.mean=[1,2,3,4]: data.mean: 4 elements are too many: at most 3");
    override_refused("name=a/b", "override name=a/b: name: \"a/b\" cannot name a folder of its own: no / in it and no dot before it");
}
END_TEST

START_TEST(transforms_are_checked) {
    override_refused("data.augment=[hflop: {}]",
                     "override data.augment=[hflop: {}]: data.augment: there is no transform \"hflop\" (did you mean \"hflip\"?)");
    override_refused("data.augment=hflip", "override data.augment=hflip: data.augment: \"hflip\" is not a list of transforms, like "
                                           "[random_crop: {size: 32, padding: 4}, hflip: {}]");
    override_refused("data.augment=[random_crop: 32]",
                     "override data.augment=[random_crop: 32]: data.augment: random_crop wants its arguments by name, like "
                     "random_crop: {size: …}");
    override_refused("data.eval=[resize]",
                     "override data.eval=[resize]: resize.size: is missing: write resize: {size: 224}, or what it should be");
    override_refused("data.eval=[resize: {sice: 3}]",
                     "override data.eval=[resize: {sice: 3}]: resize.sice: unknown key (did you mean \"size\"?)");
    override_refused("data.eval=[resize: {size: 0}]", "override data.eval=[resize: {size: 0}]: resize.size: 0 is too small: at least 1");
    override_refused("data.augment=[hflip: {p: 2}]", "override data.augment=[hflip: {p: 2}]: hflip.p: 2 is too large: at most 1");
    override_refused("data.augment=[color_jitter: {hue: 0.7}]",
                     "override data.augment=[color_jitter: {hue: 0.7}]: color_jitter.hue: 0.7 is too large: at most 0.5");
    override_refused("data.augment=[normalize: {mean: [1], std: [1]}]",
                     "override data.augment=[normalize: {mean: [1], std: [1]}]: data.augment: pictures are normalised by data.mean and "
                     "data.std, after all transforms; leave out \"normalize\"");
    override_refused("data.augment=[random_resized_crop: {size: 9, scale: [1, 0.5]}]",
                     "override data.augment=[random_resized_crop: {size: 9, scale: [1, 0.5]}]: random_resized_crop.scale: [1, 0.5] "
                     "must rise");
    refused_with("name: x\ndata:\n  eval:\n  - {hflip: {}, vflip: {}}\n", NULL,
                 "x.yaml:4: data.eval: each transform is an element of its own, like - hflip: {p: 0.5}");
    refused_with("data:\n  eval:\n  - resize:\n      size: 8\n      size: 9\n", NULL,
                 "x.yaml:5: resize.size: stands here twice, first in line 4");
}
END_TEST

START_TEST(what_is_no_job_is_refused) {
    refused_with("", NULL, "x.yaml: holds nothing: a job has at least name, model, data, train, optimizer");
    refused_with("# only a comment\n", NULL, "x.yaml: holds nothing: a job has at least name, model, data, train, optimizer");
    refused_with("- a\n- b\n", NULL, "x.yaml: is no job: that is a map with name, model, data, train, optimizer …");
    refused_with("{}", NULL, "x.yaml: missing: name, model.name, data.train, train.epochs, train.batch, optimizer.lr");
    refused_with("name: x\nmodel: {name: m}\ndata: {train: t}\ntrain: {batch: 8}\noptimizer:\n", NULL,
                 "x.yaml: missing: train.epochs, optimizer.lr");
    refused_with("name: x\nname: y\n", NULL, "x.yaml:2: name: stands here twice, first in line 1");
    refused_with("train: {batch: 8}\nlog: {}\ntrain: {epochs: 9}\n", NULL, "x.yaml:3: train: stands here twice, first in line 1");
    refused_with("model: {name: m, dropout: 1, dropout: 2}\n", NULL, "x.yaml:1: model.dropout: stands here twice, first in line 1");
    refused_with("? [a, b]\n: c\n", NULL, "x.yaml:1: a key must be a word");
    refused_with("name: x\n---\nname: y\n", NULL, "x.yaml:3: a second document begins here: a job is one");
    refused_with("name: x\ntrain: {batch: !!int 8}\n", NULL,
                 "x.yaml:2: !!int is a YAML tag, and a job has none: leave it out; a text may stand in quotes");
    refused_with("--- !job\nname: x\n", NULL, "x.yaml:1: !job is a YAML tag, and a job has none: leave it out; a text may stand in quotes");
}
END_TEST

static void is_syntax_error(const char *text, const char *begin) {
    job *j;
    ck_assert_int_eq(job_parse(&j, text, "x.yaml", NULL, 0), ERR_USAGE);
    ck_assert_msg(strncmp(err_last()->text, begin, strlen(begin)) == 0, "%s", err_last()->text);
}

START_TEST(yaml_mistakes_have_a_line) {
    is_syntax_error("name: x\nmodel: {name: m\ndata: y\n", "x.yaml:3: not YAML: ");
    is_syntax_error("name: x\n\tmodel: y\n", "x.yaml:2: not YAML: ");
    is_syntax_error("name: x\nmodel: *nowhere\n", "x.yaml:2: not YAML: ");
    is_syntax_error("name: \xff\xfe\n", "x.yaml:1: not YAML: ");
    override_refused("data.augment=*.h5", "override data.augment=*.h5: the value is not YAML: did not find expected alphabetic or numeric "
                                          "character (special characters need quotes of their own: key='\"value\"')");
}
END_TEST

START_TEST(too_many_of_anything_is_refused) {
    char text[2048] = "model: {name: m", list[2048] = "data.augment=[hflip";
    for (int i = 0; i <= JOB_MAX_OPTIONS; i++)
        sprintf(text + strlen(text), ", option%d: 1", i);
    strcat(text, "}\n");
    refused_with(text, NULL, "x.yaml:1: model.option16: more than 16 options");
    for (int i = 0; i < OPTION_MAX_LIST; i++)
        strcat(list, ", hflip");
    strcat(list, "]");
    job *j;
    const char *override = list;
    ck_assert_int_eq(job_parse(&j, small, "x.yaml", &override, 1), ERR_USAGE);
    ck_assert_ptr_nonnull(strstr(err_last()->text, "17 transforms are too many: at most 16"));
}
END_TEST

/* ---- kinds ---- */

START_TEST(kinds_have_their_own_options_and_defaults) {
    job *j = overridden("optimizer={name: adamw, lr: 1e-3, betas: [0.95, 0.7]}");
    const double *betas = option_member(option_find(option_find_kind(optim_kind_at, "adamw"), "betas"), j->optimizer.own);
    ck_assert(betas[0] == 0.95 && betas[1] == 0.7);
    ck_assert_double_eq(optimizer_number(j, "eps"), 1e-8);
    ck_assert_double_eq(j->optimizer.weight_decay, 0.01);
    ck_assert_double_eq(j->optimizer.norm_weight_decay, 0.01);
    char *text = job_text(j);
    ck_assert_ptr_nonnull(strstr(text, "  betas: [0.95, 0.7]\n  eps: 1.0e-08\n  amsgrad: false\n  weight_decay: 0.01\n"));
    ck_assert_ptr_null(strstr(text, "momentum"));
    mem_free(text);
    job_free(j);
    const char *const overrides[] = {"optimizer.name=adamw", "optimizer.weight_decay=0"};
    j = parsed_with(small, overrides, 2);
    ck_assert_double_eq(j->optimizer.weight_decay + j->optimizer.norm_weight_decay, 0);
    job_free(j);
}
END_TEST

START_TEST(options_of_another_kind_are_refused) {
    override_refused("optimizer.betas=[0.9, 0.99]",
                     "override optimizer.betas=[0.9, 0.99]: optimizer.betas: sgd has no such option, adamw has");
    refused_with(whole, "optimizer.name=adamw", "x.yaml:19: optimizer.momentum: adamw has no such option, sgd has");
    override_refused("optimizer={name: adamw, lr: 1, betas: [0.9]}",
                     "override optimizer={name: adamw, lr: 1, betas: [0.9]}: optimizer.betas: a list is not a list of two numbers, like "
                     "[0.9, 0.999]");
    job_free(overridden("schedule={name: cosine, gamma: 0.5}")); /* resolved jobs of old say the options of all schedules */
}
END_TEST

/* ---- overrides ---- */

START_TEST(overrides_replace_keys) {
    const char *const overrides[] = {"train.epochs=5",      "train.epochs=6",      "optimizer.weight_decay=5e-4",
                                     "model.dropout=0.5",   "name=other",          "schedule={name: multistep, milestones: [1, 2]}",
                                     "data.val=\"a b.h5\"", "log={every_steps: 3}"};
    job *j = parsed_with(small, overrides, sizeof overrides / sizeof *overrides);
    ck_assert_int_eq(j->train.epochs, 6);
    ck_assert_int_eq(j->train.batch, 16);
    ck_assert_double_eq(j->optimizer.norm_weight_decay, 5e-4); /* follows weight_decay, whoever gave it */
    ck_assert_double_eq(j->model.options[0].value, 0.5);
    ck_assert_str_eq(j->name, "other");
    int n_milestones;
    ck_assert_int_eq(milestones_of(j, &n_milestones)[1], 2);
    ck_assert_int_eq(n_milestones, 2);
    ck_assert_str_eq(j->data.val, "a b.h5");
    ck_assert_int_eq(j->log.every_steps, 3);
    job_free(j);
}
END_TEST

/* Whatever YAML would make of them. */
START_TEST(texts_are_kept_as_they_are_given) {
    static const char *const texts[] = {"run #3", "#3", "a: b", "*.h5", "[0-9].h5", "{a,b}", "it's", "!!str x", "&a x", "- x", "a 'b' \"c\"",
                                        " x ", "%x", "x\\y", "3", "true", "--- x", "@x", "| x"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char *text = text_format("data.train=%s", texts[i]);
        job *j = overridden(text), *again = NULL;
        ck_assert_str_eq(j->data.train, texts[i]);
        mem_free(text);
        text = job_text(j);
        again = parsed(text);
        ck_assert_str_eq(again->data.train, texts[i]);
        mem_free(text);
        job_free(again);
        job_free(j);
    }
    job *j = overridden("data.train='it''s #3'");
    ck_assert_str_eq(j->data.train, "it's #3");
    job_free(j);
}
END_TEST

START_TEST(an_overridden_section_is_replaced) {
    const char *const overrides[] = {"model={name: vgg11}", "data.augment=[]", "init.from=", "init.replace_head=false"};
    job *j = parsed_with(whole, overrides, 4);
    ck_assert_str_eq(j->model.name, "vgg11");
    ck_assert_int_eq(j->model.classes, 0);
    ck_assert_int_eq(j->model.n_options, 0);
    ck_assert_int_eq(j->data.augment.count, 0);
    ck_assert_int_eq(j->data.eval.count, 3);
    ck_assert_ptr_null(j->init.from);
    job_free(j);
}
END_TEST

START_TEST(bad_overrides_are_named) {
    override_refused("train.epoch=5", "override train.epoch=5: train.epoch: unknown key (did you mean \"epochs\"?)");
    override_refused("trian.epochs=5", "override trian.epochs=5: unknown section (did you mean \"train\"?)");
    override_refused("epochs=5", "override epochs=5: epochs: unknown key (did you mean \"train.epochs\"?)");
    override_refused("train.epochs", "override train.epochs: must be section.key=value, like train.epochs=3");
    override_refused("=5", "override =5: must be section.key=value, like train.epochs=3");
    override_refused("train.=5", "override train.=5: train: unknown key");
    override_refused("train.epochs=", "override train.epochs=: train.epochs: has no value: a whole number is needed");
    override_refused("train=5", "override train=5: train: is a section: its keys belong below it, as a map");
    override_refused("train.batch=8 # small",
                     "override train.batch=8 # small: YAML takes \"# small\" for a comment: leave it out, or give it quotes of its own: "
                     "key='\"value\"'");
    override_refused("train={}", "x.yaml: missing: train.epochs, train.batch");
}
END_TEST

/* ---- places ---- */

START_TEST(keys_know_where_they_were_given) {
    const char *override = "model.dropout=0.5";
    job *j = parsed_with(whole, &override, 1);
    ck_assert_str_eq(job_place(j, "name"), "x.yaml:1");
    ck_assert_str_eq(job_place(j, "data.mean"), "x.yaml:11");
    ck_assert_str_eq(job_place(j, "model.zero_init_residual"), "x.yaml:2");
    ck_assert_str_eq(job_place(j, "model.dropout"), "override model.dropout=0.5");
    ck_assert_str_eq(job_place(j, "optimizer.bias_weight_decay"), "x.yaml");
    ck_assert_str_eq(job_place(j, "no.key"), "x.yaml");
    job_free(j);
}
END_TEST

START_TEST(options_are_checked_against_the_model) {
    static const shoal_model_option options[] = {{.name = "dropout", .most = 1}};
    shoal_model_kind kind = {.name = "own", .options = options, .n_options = 1};
    job *j = parsed(whole);
    ck_assert_int_eq(job_check_options(j, &kind), ERR_USAGE);
    ck_assert_str_eq(err_last()->text, "x.yaml:2: model.zero_init_residual: own has no such option");
    job_free(j);
    j = overridden("model.clases=10");
    ck_assert_int_eq(job_check_options(j, &kind), ERR_USAGE);
    ck_assert_str_eq(err_last()->text, "override model.clases=10: model.clases: own has no such option (did you mean \"classes\"?)");
    job_free(j);
    j = overridden("model.dropout=1");
    ck_assert_int_eq(job_check_options(j, &kind), OK);
    job_free(j);
}
END_TEST

int main(void) {
    TCase *tests = suite_case("all");
    tcase_add_test(tests, defaults_hold_where_nothing_is_given);
    tcase_add_test(tests, every_key_is_read);
    tcase_add_test(tests, transforms_have_torchvisions_defaults);
    tcase_add_test(tests, unknown_keys_are_named_with_line_and_nearest);
    tcase_add_test(tests, wrong_types_are_named);
    tcase_add_test(tests, impossible_values_are_named);
    tcase_add_test(tests, transforms_are_checked);
    tcase_add_test(tests, what_is_no_job_is_refused);
    tcase_add_test(tests, yaml_mistakes_have_a_line);
    tcase_add_test(tests, too_many_of_anything_is_refused);
    tcase_add_test(tests, kinds_have_their_own_options_and_defaults);
    tcase_add_test(tests, options_of_another_kind_are_refused);
    tcase_add_test(tests, overrides_replace_keys);
    tcase_add_test(tests, texts_are_kept_as_they_are_given);
    tcase_add_test(tests, an_overridden_section_is_replaced);
    tcase_add_test(tests, bad_overrides_are_named);
    tcase_add_test(tests, keys_know_where_they_were_given);
    tcase_add_test(tests, options_are_checked_against_the_model);
    return suite_run();
}
