/* The loader against the plain definition of a batch: every place read, decoded and augmented by hand. */
#define _GNU_SOURCE /* mkdtemp, pwrite */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "data/data.h"
#include "h5/h5.h"
#include "make_options.h"
#include "suite.h"

enum { COUNT = 37, SIDE = 9, CHANNELS = 3, BYTES = SIDE * SIDE * CHANNELS, CLASSES = 4, LANES = 4, BATCH = 10 };

static char folder[64], path[96];
static dataset *data;
static transform augment[2]; /* set in main */
static const field fields[] = {{"images", FIELD_U8, {SIDE, SIDE, CHANNELS}}, {"labels", FIELD_I32, {1, 1, 1}}};

static void write_set(void) {
    static uint8_t pixels[COUNT][BYTES];
    int32_t labels[COUNT], version = 1;
    uint32_t crcs[COUNT];
    for (int i = 0; i < COUNT; i++) {
        for (int k = 0; k < BYTES; k++)
            pixels[i][k] = (uint8_t)(i * 31 + k * 7 + k / 27 * 5);
        labels[i] = i * 7 % CLASSES;
        crcs[i] = (uint32_t)crc32(crc32(0, NULL, 0), pixels[i], BYTES);
    }
    char *names[CLASSES] = {"north", "east", "south", "west"};
    float mean[CHANNELS] = {0.4f, 0.5f, 0.6f}, deviation[CHANNELS] = {0.2f, 0.2f, 0.2f};
    h5_file *f;
    ck_assert_int_eq(h5_create(&f, path), OK);
    ck_assert_int_eq(h5_write_attribute_text(f, "/", "format", "shoal-dataset"), OK);
    ck_assert_int_eq(h5_write_attribute(f, "/", "version", H5_I32, 0, &version), OK);
    ck_assert_int_eq(h5_write_attribute_text(f, "/", "task", "classification"), OK);
    ck_assert_int_eq(h5_write_attribute(f, "/", "mean", H5_F32, CHANNELS, mean), OK);
    ck_assert_int_eq(h5_write_attribute(f, "/", "std", H5_F32, CHANNELS, deviation), OK);
    ck_assert_int_eq(h5_write(f, "images", H5_U8, 4, (const uint64_t[]){COUNT, SIDE, SIDE, CHANNELS}, pixels), OK);
    ck_assert_int_eq(h5_write(f, "labels", H5_I32, 1, (const uint64_t[]){COUNT}, labels), OK);
    ck_assert_int_eq(h5_write(f, "crc32", H5_U32, 1, (const uint64_t[]){COUNT}, crcs), OK);
    ck_assert_int_eq(h5_write_strings(f, "classes", names, CLASSES), OK);
    h5_leave_unsealed(f, "images"); /* both are going to be damaged */
    h5_leave_unsealed(f, "labels");
    ck_assert_int_eq(h5_finish(f), OK);
}

static void set_up(void) {
    snprintf(folder, sizeof folder, "/tmp/shoal-loader-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/set.h5", folder);
    write_set();
    ck_assert_msg(dataset_open(&data, path) == OK, "%s", err_last()->text);
}

static void tear_down(void) {
    dataset_close(data);
    unlink(path);
    rmdir(folder);
}

static const uint8_t *images_of(const loader_batch *b, int lane) {
    return b->batch.data[0][lane];
}

static const int32_t *labels_of(const loader_batch *b, int lane) {
    return b->batch.data[1][lane];
}

static loader_options options_of(int first_lane, int last_lane, bool drop_last) {
    return (loader_options){
        .data = data,
        .fields = fields,
        .n_fields = 2,
        .order = {.count = COUNT, .batch = BATCH, .shuffle = true, .drop_last = drop_last, .seed = 3},
        .transforms = augment,
        .n_transforms = 2,
        .lanes = LANES,
        .first_lane = first_lane,
        .last_lane = last_lane,
        .seed = 3,
        .last_step = 2 * (drop_last ? 3 : 4),
        .depth = 2,
    };
}

/* Place `place` of batch `step` of an epoch, done by hand. */
static void check_place(const sampler *order, int64_t epoch, int64_t step, int64_t place, const uint8_t *pixels, int32_t label) {
    image im = {0}, spare = {0};
    byte_buffer bytes = {0};
    int32_t expected;
    int64_t id = sampler_id(order, epoch, step, place);
    ck_assert_int_eq(dataset_label(data, id, &expected), OK);
    ck_assert_int_eq(dataset_image(data, id, &im, &bytes), OK);
    ck_assert_int_eq(transforms_apply(augment, 2, &im, &spare, rng_make_key(3, RNG_AUGMENT, (uint64_t)epoch, (uint64_t)id)), OK);
    ck_assert_mem_eq(pixels, im.pixels, BYTES);
    ck_assert_int_eq(label, expected);
    image_reset(&im);
    image_reset(&spare);
    byte_buffer_reset(&bytes);
}

static int64_t check_lanes(const loader_options *o, const loader_batch *b) {
    int64_t steps = sampler_steps(&o->order), places = 0;
    for (int lane = o->first_lane; lane < o->last_lane; lane++) {
        int64_t first = lane * b->batch.size / LANES, last = (lane + 1) * b->batch.size / LANES;
        for (int64_t place = first; place < last; place++) {
            const uint8_t *pixels = images_of(b, lane - o->first_lane) + (place - first) * BYTES;
            check_place(&o->order, b->batch.epoch, b->batch.step % steps, place, pixels, labels_of(b, lane - o->first_lane)[place - first]);
        }
        places += last - first;
    }
    return places;
}

static int64_t check_run(loader_options o) {
    loader *l;
    ck_assert_int_eq(loader_start(&l, &o), OK);
    int64_t places = 0, steps = sampler_steps(&o.order);
    for (int64_t step = o.first_step; step < o.last_step; step++) {
        const loader_batch *b = loader_next(l);
        ck_assert_ptr_nonnull(b);
        ck_assert_int_eq(b->code, OK);
        ck_assert_int_eq(b->batch.step, step);
        ck_assert_int_eq(b->batch.epoch, step / steps);
        ck_assert_int_eq(b->batch.size, sampler_batch_size(&o.order, step % steps));
        places += check_lanes(&o, b);
    }
    ck_assert_ptr_null(loader_next(l));
    ck_assert_ptr_null(loader_next(l));
    loader_stop(l);
    return places;
}

/* Two epochs for every way to share out the lanes, even and uneven batches; all places are met once. */
START_TEST(every_rank_gets_its_places) {
    for (int drop_last = 0; drop_last < 2; drop_last++)
        for (int ranks = 1; ranks <= LANES; ranks *= 2) {
            int64_t places = 0;
            for (int rank = 0; rank < ranks; rank++)
                places += check_run(options_of(rank * LANES / ranks, (rank + 1) * LANES / ranks, drop_last));
            ck_assert_int_eq(places, drop_last ? 2 * 30 : 2 * COUNT);
        }
}
END_TEST

START_TEST(any_depth_and_any_start) {
    for (int depth = 1; depth < 12; depth += 5)
        for (int64_t first = 0; first <= 8; first += 3) {
            loader_options o = options_of(0, LANES, false);
            o.depth = depth;
            o.first_step = first;
            check_run(o);
        }
}
END_TEST

START_TEST(any_number_of_threads) {
    for (int workers = 1; workers < 8; workers++)
        for (int64_t block = 0; block < 10; block += 4) {
            loader_options o = options_of(1, LANES, workers % 2);
            o.workers = workers;
            o.order.block = block;
            o.order.lanes = LANES;
            check_run(o);
        }
}
END_TEST

/* A batch stays whole until the next is asked for, however far ahead the thread would like to be. */
START_TEST(a_held_batch_is_left_alone) {
    loader_options o = options_of(1, 3, false);
    o.depth = 1;
    loader *l;
    ck_assert_int_eq(loader_start(&l, &o), OK);
    for (const loader_batch *b = loader_next(l); b; b = loader_next(l)) {
        time_sleep(0.02);
        check_lanes(&o, b);
    }
    loader_stop(l);
}
END_TEST

START_TEST(stops_at_any_moment) {
    for (int taken = 0; taken < 6; taken++) {
        loader_options o = options_of(0, LANES, true);
        o.last_step = INT64_C(1) << 40;
        loader *l;
        ck_assert_int_eq(loader_start(&l, &o), OK);
        for (int i = 0; i < taken; i++)
            ck_assert_ptr_nonnull(loader_next(l));
        if (taken % 2)
            time_sleep(0.02); /* the ring is full, the thread waits */
        loader_stop(l);
    }
    loader_stop(NULL);
}
END_TEST

static void damage(int64_t id) {
    h5_file *f;
    h5_info info;
    ck_assert_int_eq(h5_open(&f, path), OK);
    ck_assert_int_eq(h5_get_info(f, "images", &info), OK);
    h5_close(f);
    int file = open(path, O_RDWR);
    uint8_t byte;
    off_t at = (off_t)(info.offset + id * BYTES + 100);
    ck_assert_int_eq(pread(file, &byte, 1, at), 1);
    byte ^= 4;
    ck_assert_int_eq(pwrite(file, &byte, 1, at), 1);
    close(file);
}

/* The set's file is open already. */
static void change_label(int64_t id, int32_t label) {
    h5_file *f;
    h5_info info;
    ck_assert_int_eq(h5_open(&f, path), OK);
    ck_assert_int_eq(h5_get_info(f, "labels", &info), OK);
    h5_close(f);
    int file = open(path, O_RDWR);
    ck_assert_int_eq(pwrite(file, &label, sizeof label, (off_t)(info.offset + id * 4)), sizeof label);
    close(file);
}

static bool is_bad(const int64_t *bad, int n_bad, int64_t id) {
    for (int i = 0; i < n_bad; i++)
        if (bad[i] == id)
            return true;
    return false;
}

/* Places without a bad sample are as they were; at the others there is a good sample of the set, the same in each run. Fills in what was
 * found there. */
static void check_substitutes(const loader_options *o, const int64_t *bad, int n_bad, int64_t *found) {
    loader *l;
    image im = {0}, spare = {0};
    byte_buffer bytes = {0};
    ck_assert_int_eq(loader_start(&l, o), OK);
    for (const loader_batch *b = loader_next(l); b; b = loader_next(l)) {
        ck_assert_int_eq(b->code, OK);
        int met = 0;
        for (int64_t place = 0; place < b->batch.size; place++) {
            int lane = (int)(((place + 1) * LANES - 1) / b->batch.size);
            int64_t id = sampler_id(&o->order, b->batch.epoch, b->batch.step % 4, place), within = place - lane * b->batch.size / LANES;
            const uint8_t *pixels = images_of(b, lane) + within * BYTES;
            if (!is_bad(bad, n_bad, id)) {
                check_place(&o->order, b->batch.epoch, b->batch.step % 4, place, pixels, labels_of(b, lane)[within]);
                continue;
            }
            met++;
            rng_key key = rng_make_key(3, RNG_AUGMENT, (uint64_t)b->batch.epoch, (uint64_t)id);
            for (int64_t other = 0; other < COUNT; other++) {
                int32_t label;
                if (is_bad(bad, n_bad, other) || dataset_label(data, other, &label) != OK || label != labels_of(b, lane)[within])
                    continue;
                ck_assert_int_eq(dataset_image(data, other, &im, &bytes), OK);
                ck_assert_int_eq(transforms_apply(augment, 2, &im, &spare, key), OK);
                if (memcmp(im.pixels, pixels, BYTES) == 0)
                    found[b->batch.epoch * COUNT + id] = other;
            }
        }
        ck_assert_int_ge(b->n_bad, met);
        for (int i = 0; i < b->n_bad; i++) {
            ck_assert(is_bad(bad, n_bad, b->bad[i].id));
            ck_assert_msg(strncmp(b->bad[i].reason, "CRC mismatch", 12) == 0, "%s", b->bad[i].reason);
        }
    }
    loader_stop(l);
    image_reset(&im);
    image_reset(&spare);
    byte_buffer_reset(&bytes);
}

/* A third of the set is bad, so that substitutes are bad as well now and then. */
START_TEST(substitutes_take_the_places_of_damaged_samples) {
    const int64_t bad[] = {1, 2, 5, 8, 13, 14, 20, 21, 22, 23, 31, 36};
    enum { N_BAD = sizeof bad / sizeof *bad };
    for (int i = 0; i < N_BAD; i++)
        damage(bad[i]);
    int64_t first[2 * COUNT];
    for (int workers = 1; workers < 5; workers++) {
        int64_t found[2 * COUNT];
        for (int i = 0; i < 2 * COUNT; i++)
            found[i] = -1;
        loader_options o = options_of(0, LANES, false);
        o.workers = workers;
        check_substitutes(&o, bad, N_BAD, found);
        for (int epoch = 0; epoch < 2; epoch++)
            for (int i = 0; i < N_BAD; i++)
                ck_assert_int_ge(found[epoch * COUNT + bad[i]], 0);
        for (int i = 0; i < COUNT; i++)
            ck_assert_int_eq(found[i], found[COUNT + i]);
        if (workers == 1)
            memcpy(first, found, sizeof found);
        ck_assert_mem_eq(first, found, sizeof found);
    }
}
END_TEST

/* In evaluation nothing takes its place: it is not present. */
START_TEST(a_damaged_sample_is_left_out) {
    enum { BAD = 23 };
    damage(BAD);
    loader_options o = options_of(0, LANES, false);
    o.leave_out_bad = true;
    o.workers = 2;
    loader *l;
    int left_out = 0, named = 0;
    ck_assert_int_eq(loader_start(&l, &o), OK);
    for (const loader_batch *b = loader_next(l); b; b = loader_next(l)) {
        ck_assert_int_eq(b->code, OK);
        named += b->n_bad;
        for (int lane = 0; lane < LANES; lane++)
            for (int64_t i = 0; i < (lane + 1) * b->batch.size / LANES - lane * b->batch.size / LANES; i++)
                left_out += b->batch.present[lane][i] == 0;
    }
    loader_stop(l);
    ck_assert_int_eq(left_out, 2);
    ck_assert_int_eq(named, 2);
}
END_TEST

/* A label that is none of the classes never reaches the loss. */
START_TEST(a_label_that_changes_is_a_bad_record) {
    const int32_t labels[] = {CLASSES, -1};
    for (int k = 0; k < 2; k++) {
        change_label(5, labels[k]);
        loader_options o = options_of(0, LANES, false);
        o.last_step = 4;
        loader *l;
        int named = 0;
        ck_assert_int_eq(loader_start(&l, &o), OK);
        for (const loader_batch *b = loader_next(l); b; b = loader_next(l)) {
            ck_assert_int_eq(b->code, OK);
            for (int i = 0; i < b->n_bad; i++, named++)
                ck_assert(b->bad[i].id == 5 && strncmp(b->bad[i].reason, "its label is", 12) == 0);
            for (int lane = 0; lane < LANES; lane++)
                for (int64_t i = 0; i < (lane + 1) * b->batch.size / LANES - lane * b->batch.size / LANES; i++)
                    ck_assert(labels_of(b, lane)[i] >= 0 && labels_of(b, lane)[i] < CLASSES);
        }
        ck_assert_int_ge(named, 1);
        loader_stop(l);
    }
}
END_TEST

START_TEST(a_set_of_bad_records_is_an_error) {
    for (int id = 0; id < COUNT; id++)
        damage(id);
    loader_options o = options_of(0, LANES, false);
    loader *l;
    ck_assert_int_eq(loader_start(&l, &o), OK);
    const loader_batch *b = loader_next(l);
    ck_assert_int_eq(b->code, ERR_DATA);
    ck_assert_msg(strstr(b->error.text, path), "%s", b->error.text);
    loader_stop(l);
}
END_TEST

/* That is no bad record: the file is not what was opened. The error is the first place's, whoever meets it. */
START_TEST(a_file_that_shrinks_is_an_error) {
    ck_assert_int_eq(truncate(path, 3000), 0);
    loader_options o = options_of(0, LANES, false);
    o.workers = 3;
    loader *l;
    ck_assert_int_eq(loader_start(&l, &o), OK);
    const loader_batch *b = loader_next(l);
    ck_assert_int_eq(b->code, ERR_IO);
    ck_assert_msg(strstr(b->error.text, path) && strstr(b->error.text, "was longer"), "%s", b->error.text);
    ck_assert_int_eq(b->n_bad, 0);
    loader_stop(l);
}
END_TEST

START_TEST(another_shape_is_an_error_that_names_the_sample) {
    loader_options o = options_of(0, LANES, false);
    o.order.shuffle = false;
    o.fields = (const field[]){{"images", FIELD_U8, {SIDE + 1, SIDE, CHANNELS}}, fields[1]};
    loader *l;
    ck_assert_int_eq(loader_start(&l, &o), OK);
    const loader_batch *b = loader_next(l);
    ck_assert_int_eq(b->code, ERR_USAGE);
    ck_assert_msg(strstr(b->error.text, "picture 0: 3 x 9 x 9 after the transforms"), "%s", b->error.text);
    loader_stop(l);
}
END_TEST

START_TEST(fields_that_the_set_does_not_have_are_refused) {
    static const field others[] = {{"masks", FIELD_U8, {SIDE, SIDE, 1}}, {"labels", FIELD_F32, {1, 1, 1}}};
    static const char *const texts[] = {"has no field masks of type uint8", "has no field labels of type float32"};
    for (int i = 0; i < 2; i++) {
        loader_options o = options_of(0, LANES, false);
        o.fields = &others[i];
        o.n_fields = 1;
        loader *l;
        ck_assert_int_eq(loader_start(&l, &o), ERR_DATA);
        ck_assert_msg(strstr(err_last()->text, path) && strstr(err_last()->text, texts[i]), "%s", err_last()->text);
    }
}
END_TEST

START_TEST(a_batch_larger_than_the_set_is_refused) {
    loader_options o = options_of(0, LANES, true);
    o.order.batch = COUNT + 1;
    loader *l;
    ck_assert_int_eq(loader_start(&l, &o), ERR_USAGE);
    ck_assert_ptr_null(l);
    ck_assert_ptr_nonnull(strstr(err_last()->text, "37"));
}
END_TEST

int main(void) {
    augment[0] = TRANSFORM("random_crop", {"size", {SIDE}}, {"padding", {2}});
    augment[1] = TRANSFORM("hflip", {"p", {0.5}});
    TCase *tests = suite_case("loader");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, every_rank_gets_its_places);
    tcase_add_test(tests, any_depth_and_any_start);
    tcase_add_test(tests, a_held_batch_is_left_alone);
    tcase_add_test(tests, stops_at_any_moment);
    tcase_add_test(tests, any_number_of_threads);
    tcase_add_test(tests, substitutes_take_the_places_of_damaged_samples);
    tcase_add_test(tests, a_damaged_sample_is_left_out);
    tcase_add_test(tests, a_label_that_changes_is_a_bad_record);
    tcase_add_test(tests, a_set_of_bad_records_is_an_error);
    tcase_add_test(tests, a_file_that_shrinks_is_an_error);
    tcase_add_test(tests, another_shape_is_an_error_that_names_the_sample);
    tcase_add_test(tests, fields_that_the_set_does_not_have_are_refused);
    tcase_add_test(tests, a_batch_larger_than_the_set_is_refused);
    return suite_run();
}
