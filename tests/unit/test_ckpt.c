/* Checkpoint files: everything comes back, what does not fit is named; and <shoal/file.h>. */
#define _XOPEN_SOURCE 700 /* mkdtemp, nftw */
#include <openssl/evp.h>
#include <shoal/file.h>
#include <zlib.h>

#include "ckpt_network.h"
#include "h5/h5.h"
#include "suite.h"

/* ---- what is written comes back ---- */

START_TEST(model_and_state_come_back) {
    network written = make_network(10, 1, NULL), read = make_network(10, 500, NULL);
    write_step("a.h5", written, 7);
    ck_assert_int_eq(count_entries(), 1);
    ck_assert(!same_values(written, read) && !same_state(written, read));
    graph_find_param(read.graph, "bn1.num_batches_tracked")->counter = 0;
    ck_assert_int_eq(ckpt_read_model(in_folder("a.h5"), read.graph, false, NULL), OK);
    ck_assert_int_eq(ckpt_read_optimizer(in_folder("a.h5"), read.graph, read.optim), OK);
    ck_assert(same_values(written, read) && same_state(written, read));
    ck_assert_int_eq(ckpt_verify(in_folder("a.h5")), OK);
    network_free(written);
    network_free(read);
}
END_TEST

START_TEST(info_comes_back) {
    network n = make_network(10, 1, NULL);
    ckpt_info was = some_info(7), is;
    char *longest = mem_new(100001, 1);
    ckpt_add_job(&was, 0, "name: before\n");
    ckpt_add_job(&was, 5, memset(longest, 'x', 100000));
    ckpt_add_job(&was, 6, longest); /* the same again is no other */
    ckpt_add_metric(&was, 4, "loss", 0.1);
    ckpt_add_metric(&was, 4, "top1", 2. / 3);
    ck_assert_int_eq(write_network(in_folder("a.h5"), n.graph, n.optim, &was), OK);
    ck_assert_int_eq(ckpt_read_info(in_folder("a.h5"), &is), OK);
    ck_assert_int_eq(is.step, 7);
    ck_assert_int_eq(is.epoch, was.epoch);
    ck_assert_uint_eq(is.seed, was.seed);
    ck_assert_int_eq(is.lanes, was.lanes);
    ck_assert_int_eq(is.batch, was.batch);
    ck_assert_str_eq(is.best_metric, was.best_metric);
    ck_assert(is.best_value == was.best_value);
    ck_assert_int_eq(is.best_step, was.best_step);
    ck_assert_int_eq(is.updates, was.updates);
    ck_assert_int_eq(is.rollbacks, was.rollbacks);
    ck_assert(is.lr_factor == was.lr_factor);
    ck_assert_int_eq(is.n_jobs, 2);
    ck_assert(is.jobs[0].step == 0 && is.jobs[1].step == 5);
    ck_assert_str_eq(is.jobs[0].yaml, "name: before\n");
    ck_assert_str_eq(is.jobs[1].yaml, longest);
    ck_assert_int_eq(is.n_history, 2);
    ck_assert_mem_eq(is.history, was.history, 2 * sizeof *was.history);
    ck_assert_uint_eq(is.data_fingerprint, was.data_fingerprint);
    ck_assert_str_eq(is.job, was.job);
    ck_assert_int_eq(is.n_classes, 4);
    for (int i = 0; i < 4; i++)
        ck_assert_str_eq(is.classes[i], was.classes[i]);
    ck_assert_int_eq(memcmp(is.image, was.image, sizeof is.image), 0);
    ck_assert_int_eq(memcmp(is.mean, was.mean, sizeof is.mean), 0);
    ck_assert_int_eq(memcmp(is.std, was.std, sizeof is.std), 0);
    ckpt_info_reset(&is);
    ck_assert_ptr_null(is.job);
    was.job = NULL; /* this one and the classes are the test's own */
    was.n_classes = 0;
    was.classes = NULL;
    ckpt_info_reset(&was);
    mem_free(longest);
    network_free(n);
}
END_TEST

/* As the format is defined, tensor by tensor. */
START_TEST(tensors_lie_in_pytorchs_order_with_their_crc) {
    network n = make_network(10, 1, NULL);
    write_step("a.h5", n, 7);
    h5_file *f;
    ck_assert_int_eq(h5_open(&f, in_folder("a.h5")), OK);
    h5_info info;
    float values[4 * 3 * 2 * 5];
    uint32_t crc;
    ck_assert_int_eq(h5_get_info(f, "model/conv1.weight", &info), OK);
    ck_assert(info.type == H5_F32 && info.rank == 4 && info.size[0] == 4 && info.size[1] == 3 && info.size[2] == 2 && info.size[3] == 5);
    ck_assert_int_eq(h5_read(f, "model/conv1.weight", H5_F32, 0, UINT64_MAX, values), OK);
    for (int i = 0; i < 120; i++)
        ck_assert(values[i] == (float)(1 + i));
    ck_assert_int_eq(h5_read_attribute(f, "model/conv1.weight", "crc32", H5_U32, 0, &crc), OK);
    ck_assert_uint_eq(crc, crc32(0, (const unsigned char *)values, sizeof values));
    ck_assert_int_eq(h5_get_info(f, "model/bn1.num_batches_tracked", &info), OK);
    ck_assert(info.type == H5_I64 && info.rank == 0);
    ck_assert_int_eq(h5_read(f, "optimizer/momentum_buffer/conv1.weight", H5_F32, 0, UINT64_MAX, values), OK);
    ck_assert(values[119] == 1001 + 119);
    ck_assert(!h5_exists(f, "optimizer/momentum_buffer/bn1.running_mean"));
    ck_assert(h5_has_attribute(f, "job", "crc32") && h5_has_attribute(f, "classes", "crc32"));
    ck_assert(h5_has_attribute(f, "provenance", "commit") && h5_has_attribute(f, "provenance", "processor"));
    h5_close(f);
    network_free(n);
}
END_TEST

START_TEST(a_file_without_an_optimizer_cannot_resume) {
    network n = make_network(10, 1, NULL);
    ckpt_info info = some_info(1);
    ck_assert_int_eq(write_network(in_folder("a.h5"), n.graph, NULL, &info), OK);
    ck_assert_int_eq(ckpt_read_model(in_folder("a.h5"), n.graph, false, NULL), OK);
    ck_assert_int_eq(ckpt_read_optimizer(in_folder("a.h5"), n.graph, n.optim), ERR_DATA);
    ck_assert_ptr_nonnull(strstr(err_last()->text, "holds no /optimizer/momentum_buffer"));
    network_free(n);
}
END_TEST

/* ---- digest ---- */

static void hash_part(EVP_MD_CTX *hash, const char *name, const void *values, size_t bytes) {
    EVP_DigestUpdate(hash, name, strlen(name) + 1);
    EVP_DigestUpdate(hash, values, bytes);
}

START_TEST(digest_is_the_designs) {
    network n = make_network(10, 1, NULL);
    write_step("a.h5", n, 7);
    char file[CKPT_DIGEST], memory[CKPT_DIGEST], expected[CKPT_DIGEST];
    ck_assert_int_eq(ckpt_digest_file(in_folder("a.h5"), file), OK);
    ckpt_digest_graph(n.graph, memory);
    ck_assert_str_eq(file, memory);

    float up[120];
    int64_t counter = (int64_t)1 << 40;
    for (int i = 0; i < 120; i++)
        up[i] = (float)(1 + i);
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    EVP_DigestInit_ex(hash, EVP_sha256(), NULL);
    hash_part(hash, "bn1.bias", up, 16);
    hash_part(hash, "bn1.num_batches_tracked", &counter, 8);
    hash_part(hash, "bn1.running_mean", up, 16);
    hash_part(hash, "bn1.weight", up, 16);
    hash_part(hash, "conv1.weight", up, 480);
    hash_part(hash, "fc.bias", up, 40);
    hash_part(hash, "fc.weight", up, 280);
    unsigned char bytes[32];
    EVP_DigestFinal_ex(hash, bytes, NULL);
    EVP_MD_CTX_free(hash);
    for (int i = 0; i < 32; i++)
        sprintf(expected + 2 * i, "%02x", bytes[i]);
    ck_assert_str_eq(memory, expected);

    graph_find_param(n.graph, "fc.bias")->value[9] += 1;
    ckpt_digest_graph(n.graph, memory);
    ck_assert_str_ne(memory, expected);
    network_free(n);
}
END_TEST

/* ---- what does not fit ---- */

/* A file of /model alone, as others make it: no CRC, no trainer. */
static void write_foreign(const char *name, const char *missing, bool with_extra) {
    h5_file *f;
    int64_t version = 1, counter = 5;
    float zeros[120] = {0};
    double doubles[4] = {0.5, 1.5, 2.5, 3.5};
    const struct {
        const char *name;
        int rank;
        uint64_t size[4];
    } tensors[] = {{"model/conv1.weight", 4, {4, 3, 2, 5}},
                   {"model/bn1.weight", 1, {4}},
                   {"model/bn1.bias", 1, {4}},
                   {"model/fc.weight", 2, {10, 7}},
                   {"model/fc.bias", 1, {10}}};
    ck_assert_int_eq(h5_create(&f, in_folder(name)), OK);
    h5_write_attribute_text(f, "/", "format", "shoal-checkpoint");
    h5_write_attribute(f, "/", "version", H5_I64, 0, &version);
    for (int i = 0; i < 5; i++)
        if (!missing || strcmp(tensors[i].name, missing) != 0)
            h5_write(f, tensors[i].name, H5_F32, tensors[i].rank, tensors[i].size, zeros);
    h5_write(f, "model/bn1.running_mean", H5_F64, 1, (uint64_t[]){4}, doubles);
    h5_write(f, "model/bn1.num_batches_tracked", H5_I64, 0, NULL, &counter);
    if (with_extra)
        h5_write(f, "model/fc.extra", H5_F32, 1, (uint64_t[]){4}, zeros);
    ck_assert_int_eq(h5_finish(f), OK);
}

START_TEST(weights_alone_are_enough) {
    network n = make_network(10, 1, NULL);
    write_foreign("w.h5", NULL, false);
    ck_assert_int_eq(ckpt_verify(in_folder("w.h5")), OK);
    ck_assert_int_eq(ckpt_read_model(in_folder("w.h5"), n.graph, false, NULL), OK);
    ck_assert(graph_find_param(n.graph, "conv1.weight")->value[0] == 0);
    ck_assert(graph_find_param(n.graph, "bn1.running_mean")->value[3] == 3.5f);
    ck_assert_int_eq(graph_find_param(n.graph, "bn1.num_batches_tracked")->counter, 5);
    ckpt_info info;
    ck_assert_int_eq(ckpt_read_info(in_folder("w.h5"), &info), OK);
    ck_assert_ptr_null(info.job);
    ck_assert_int_eq(info.step, 0);
    ck_assert_int_eq(info.n_classes, 0);
    ck_assert(info.best_value == -1 && info.lr_factor == 1);
    ck_assert_int_eq(info.n_jobs, 0);
    ckpt_info_reset(&info);
    network_free(n);
}
END_TEST

static void misfit(const char *name, graph *g, bool replace_head, const char *expected) {
    ck_assert_int_eq(ckpt_read_model(in_folder(name), g, replace_head, NULL), ERR_DATA);
    char *text = text_format("%s: /model does not fit the model: %s", in_folder(name), expected);
    ck_assert_str_eq(err_last()->text, text);
    mem_free(text);
}

START_TEST(what_does_not_fit_is_named) {
    network n = make_network(10, 1, NULL), other = make_network(4, 1, NULL), untouched = make_network(4, 1, NULL);
    write_foreign("missing.h5", "model/bn1.bias", false);
    write_foreign("extra.h5", NULL, true);
    write_step("a.h5", n, 1);
    misfit("missing.h5", n.graph, false, "1 tensor is missing (bn1.bias)");
    misfit("extra.h5", n.graph, false, "1 unknown to the model (fc.extra)");
    misfit("a.h5", other.graph, false, "2 of another shape (fc.weight is [10, 7] in the file, [4, 7] in the model, …)");
    misfit("missing.h5", other.graph, false,
           "1 tensor is missing (bn1.bias), 2 of another shape (fc.weight is [10, 7] in the file, [4, 7] in the model, …)");
    ck_assert(same_values(other, untouched));
    network_free(n);
    network_free(other);
    network_free(untouched);
}
END_TEST

START_TEST(a_replaced_head_keeps_its_values) {
    network n = make_network(10, 1, NULL), other = make_network(4, 500, NULL);
    int kept = -1;
    write_step("a.h5", n, 1);
    ck_assert_int_eq(ckpt_read_model(in_folder("a.h5"), other.graph, true, &kept), OK);
    ck_assert_int_eq(kept, 2);
    ck_assert(graph_find_param(other.graph, "conv1.weight")->value[0] == 1);
    ck_assert(graph_find_param(other.graph, "fc.weight")->value[0] == 500);
    ck_assert(graph_find_param(other.graph, "fc.bias")->value[3] == 503);
    write_foreign("extra.h5", NULL, true);
    ck_assert_int_eq(ckpt_read_model(in_folder("extra.h5"), other.graph, true, NULL), OK);
    write_foreign("missing.h5", "model/bn1.bias", false);
    misfit("missing.h5", other.graph, true, "1 tensor is missing (bn1.bias)");
    ck_assert_int_eq(ckpt_read_model(in_folder("a.h5"), n.graph, false, &kept), OK);
    ck_assert_int_eq(kept, 0);
    network_free(n);
    network_free(other);
}
END_TEST

START_TEST(state_of_frozen_parameters_does_not_fit) {
    network n = make_network(10, 1, NULL), frozen = make_network(10, 1, "conv1.weight");
    write_step("a.h5", n, 1);
    write_step("frozen.h5", frozen, 1);
    ck_assert_int_eq(ckpt_read_optimizer(in_folder("frozen.h5"), frozen.graph, frozen.optim), OK);
    ck_assert_int_eq(ckpt_read_optimizer(in_folder("a.h5"), frozen.graph, frozen.optim), ERR_DATA);
    ck_assert_ptr_nonnull(strstr(err_last()->text, "1 unknown to the model (conv1.weight)"));
    ck_assert_int_eq(ckpt_read_optimizer(in_folder("frozen.h5"), n.graph, n.optim), ERR_DATA);
    ck_assert_ptr_nonnull(strstr(err_last()->text, "1 tensor is missing (conv1.weight)"));
    ck_assert_int_eq(ckpt_read_model(in_folder("a.h5"), frozen.graph, false, NULL), OK);
    network_free(n);
    network_free(frozen);
}
END_TEST

/* ---- <shoal/file.h> ---- */

START_TEST(checkpoints_are_public) {
    network n = make_network(10, 1, NULL);
    write_step("a.h5", n, 7);
    shoal_checkpoint *c;
    ck_assert_int_eq(shoal_checkpoint_open(&c, in_folder("none.h5")), 74);
    ck_assert_ptr_null(c);
    ck_assert_ptr_nonnull(strstr(shoal_last_error(), "none.h5"));
    ck_assert_int_eq(shoal_checkpoint_open(&c, in_folder("a.h5")), 0);
    ck_assert_uint_eq(shoal_checkpoint_count(c), 7);
    ck_assert_str_eq(shoal_checkpoint_name(c, 4), "conv1.weight");
    int rank;
    int64_t size[4];
    float values[120];
    ck_assert_int_eq(shoal_checkpoint_shape(c, 4, &rank, size), 0);
    ck_assert(rank == 4 && size[0] == 4 && size[3] == 5);
    ck_assert_int_eq(shoal_checkpoint_shape(c, 6, &rank, size), 0);
    ck_assert(rank == 2 && size[0] == 10 && size[1] == 7);
    ck_assert_int_eq(shoal_checkpoint_read(c, 4, values, 119), 65);
    ck_assert_int_eq(shoal_checkpoint_read(c, 4, values, 120), 0);
    ck_assert(values[0] == 1 && values[119] == 120);
    ck_assert_int_eq(shoal_checkpoint_read(c, 7, values, 120), 65);
    shoal_checkpoint_close(c);
    network_free(n);
}
END_TEST

START_TEST(data_sets_are_public) {
    h5_file *f;
    int64_t version = 1;
    uint8_t pixels[2][2][3] = {{{1, 2, 3}, {4, 5, 6}}, {{7, 8, 9}, {10, 11, 12}}};
    int32_t labels[2] = {3, 1};
    uint32_t crcs[2] = {(uint32_t)crc32(0, pixels[0][0], 6), (uint32_t)crc32(0, pixels[1][0], 6) ^ 1};
    float ones[] = {1};
    ck_assert_int_eq(h5_create(&f, in_folder("set.h5")), OK);
    h5_write_attribute_text(f, "/", "format", "shoal-dataset");
    h5_write_attribute(f, "/", "version", H5_I64, 0, &version);
    h5_write_attribute_text(f, "/", "task", "classification");
    h5_write_attribute(f, "/", "mean", H5_F32, 1, ones);
    h5_write_attribute(f, "/", "std", H5_F32, 1, ones);
    h5_write(f, "images", H5_U8, 4, (uint64_t[]){2, 2, 3, 1}, pixels);
    h5_write(f, "labels", H5_I32, 1, (uint64_t[]){2}, labels);
    h5_write(f, "crc32", H5_U32, 1, (uint64_t[]){2}, crcs);
    h5_write_strings(f, "classes", class_names, 4);
    ck_assert_int_eq(h5_finish(f), OK);

    shoal_dataset *d;
    const uint8_t *got;
    int height, width, channels, label;
    ck_assert_msg(shoal_dataset_open(&d, in_folder("set.h5")) == 0, "%s", shoal_last_error());
    ck_assert_int_eq(shoal_dataset_count(d), 2);
    ck_assert_int_eq(shoal_dataset_classes(d), 4);
    ck_assert_str_eq(shoal_dataset_class(d, 3), "bird");
    ck_assert_str_eq(shoal_dataset_class(d, 4), "");
    ck_assert_int_eq(shoal_dataset_read(d, 0, &got, &height, &width, &channels, &label), 0);
    ck_assert(height == 2 && width == 3 && channels == 1 && label == 3 && memcmp(got, pixels[0], 6) == 0);
    ck_assert_int_eq(shoal_dataset_read(d, 1, &got, &height, &width, &channels, &label), 65);
    ck_assert_int_eq(shoal_dataset_read(d, 2, &got, &height, &width, &channels, &label), 65);
    shoal_dataset_close(d);
    ck_assert_int_eq(shoal_dataset_open(&d, in_folder("nothing-*.h5")), 74);
    ck_assert_ptr_null(d);
}
END_TEST

int main(void) {
    TCase *tests = suite_case("all");
    tcase_add_checked_fixture(tests, make_folder, remove_folder);
    tcase_add_test(tests, model_and_state_come_back);
    tcase_add_test(tests, info_comes_back);
    tcase_add_test(tests, tensors_lie_in_pytorchs_order_with_their_crc);
    tcase_add_test(tests, a_file_without_an_optimizer_cannot_resume);
    tcase_add_test(tests, digest_is_the_designs);
    tcase_add_test(tests, weights_alone_are_enough);
    tcase_add_test(tests, what_does_not_fit_is_named);
    tcase_add_test(tests, a_replaced_head_keeps_its_values);
    tcase_add_test(tests, state_of_frozen_parameters_does_not_fit);
    tcase_add_test(tests, checkpoints_are_public);
    tcase_add_test(tests, data_sets_are_public);
    return suite_run();
}
