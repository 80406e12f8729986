/* Checkpoint files: everything comes back, damage is found and named, a failed write leaves what was there. */
#define _XOPEN_SOURCE 700 /* mkdtemp, nftw */
#include <check.h>
#undef fail /* an old word of libcheck, and one of ours */
#include <dirent.h>
#include <ftw.h>
#include <openssl/evp.h>
#include <shoal/file.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "ckpt/ckpt.h"
#include "h5/h5.h"

/* ---- a folder for each test ---- */

static char folder[64];

static void make_folder(void) {
    strcpy(folder, "/tmp/shoal-ckpt-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static int remove_entry(const char *path, const struct stat *s, int kind, struct FTW *walk) {
    (void)s, (void)kind, (void)walk;
    return remove(path);
}

static void remove_folder(void) {
    chmod(folder, 0700);
    nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* Into one of a few buffers, so that a call may have several. */
static const char *in_folder(const char *name) {
    static char paths[4][160];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static int count_entries(void) {
    int count = 0;
    DIR *names = opendir(folder);
    for (struct dirent *d; (d = readdir(names));)
        count += strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
    closedir(names);
    return count;
}

/* ---- a network that is nothing but parameters ---- */

static int64_t classes = 10;

static err infer_conv(graph *g, node *n) {
    n->out = (shape){1, 1, 1};
    param weight = {.dims = {4, {4, 3, 2, 5}}, .layout = LAYOUT_CONV, .role = PARAM_WEIGHT};
    graph_add_param(g, n, "weight", weight);
    return OK;
}

static err infer_norm(graph *g, node *n) {
    n->out = (shape){1, 1, 1};
    graph_add_param(g, n, "weight", (param){.dims = {1, {4}}, .role = PARAM_NORM_WEIGHT});
    graph_add_param(g, n, "bias", (param){.dims = {1, {4}}, .role = PARAM_NORM_BIAS});
    graph_add_param(g, n, "running_mean", (param){.dims = {1, {4}}, .role = PARAM_BUFFER});
    graph_add_param(g, n, "num_batches_tracked", (param){.dims = {0}, .role = PARAM_COUNTER});
    return OK;
}

static err infer_linear(graph *g, node *n) {
    n->out = (shape){1, 1, 1};
    graph_add_param(g, n, "weight", (param){.dims = {2, {classes, 7}}, .role = PARAM_WEIGHT});
    graph_add_param(g, n, "bias", (param){.dims = {1, {classes}}, .role = PARAM_BIAS});
    return OK;
}

static const op_kind conv_kind = {.name = "conv", .infer = infer_conv}, norm_kind = {.name = "norm", .infer = infer_norm},
                     linear_kind = {.name = "linear", .infer = infer_linear};

typedef struct network {
    graph *graph;
    optim *optim;
} network;

/* Values count up from `first` in PyTorch's order; those of the optimiser's state from 1000 on. */
static void set_values(const param *p, float *memory, float first) {
    float *plain = mem_new((size_t)p->size, sizeof *plain);
    for (int64_t i = 0; i < p->size; i++)
        plain[i] = first + (float)i;
    param_from_plain(p, plain, memory);
    mem_free(plain);
}

static network make_network(int64_t n_classes, float first, const char *frozen) {
    graph *g = graph_new();
    classes = n_classes;
    node *conv = graph_add(g, &conv_kind, "conv1", NULL, 0, NULL);
    node *norm = graph_add(g, &norm_kind, "bn1", NULL, 1, &conv);
    graph_add(g, &linear_kind, "fc", NULL, 1, &norm);
    if (frozen)
        graph_find_param(g, frozen)->frozen = true;
    ck_assert_int_eq(graph_seal(g), OK);
    network n = {g, NULL};
    ck_assert_int_eq(optim_new(&n.optim, g, &(optimizer_options){.name = "sgd"}), OK);
    for (int i = 0; i < graph_n_params(g); i++) {
        param *p = graph_param(g, i);
        if (p->role == PARAM_COUNTER)
            p->counter = (int64_t)1 << 40;
        else
            set_values(p, p->value, first);
        if (param_is_trained(p))
            set_values(p, optim_slot(n.optim, 0) + p->offset, 1000 + first);
    }
    return n;
}

static void network_free(network n) {
    optim_free(n.optim);
    graph_free(n.graph);
}

static bool same_values(network a, network b) {
    size_t bytes = (size_t)(graph_trained_size(a.graph) + graph_fixed_size(a.graph)) * sizeof(float);
    return memcmp(graph_values(a.graph), graph_values(b.graph), bytes) == 0 &&
           graph_find_param(a.graph, "bn1.num_batches_tracked")->counter == graph_find_param(b.graph, "bn1.num_batches_tracked")->counter;
}

static bool same_state(network a, network b) {
    return memcmp(optim_slot(a.optim, 0), optim_slot(b.optim, 0), (size_t)graph_trained_size(a.graph) * sizeof(float)) == 0;
}

static char *class_names[] = {"cat", "d\xc3\xb6g", "", "bird"};

static ckpt_info some_info(int64_t step) {
    return (ckpt_info){.step = step,
                       .epoch = 3,
                       .seed = UINT64_MAX,
                       .lanes = 8,
                       .batch = 64,
                       .best_top1 = 0.123456789012345678,
                       .best_step = 40,
                       .data_fingerprint = 0xFEDCBA9876543210u,
                       .job = "name: x\nmodel: {name: y}\n",
                       .classes = class_names,
                       .n_classes = 4,
                       .image = {32, 48, 3},
                       .mean = {0.1f, 0.2f, 0.3f},
                       .std = {0.4f, 0.5f, 0.6f}};
}

static void write_step(const char *name, network n, int64_t step) {
    ckpt_info info = some_info(step);
    err code = ckpt_write(in_folder(name), n.graph, n.optim, &info);
    ck_assert_msg(code == OK, "%s", err_last()->text);
}

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
    write_step("a.h5", n, 7);
    ckpt_info was = some_info(7), is;
    ck_assert_int_eq(ckpt_read_info(in_folder("a.h5"), &is), OK);
    ck_assert_int_eq(is.step, 7);
    ck_assert_int_eq(is.epoch, was.epoch);
    ck_assert_uint_eq(is.seed, was.seed);
    ck_assert_int_eq(is.lanes, was.lanes);
    ck_assert_int_eq(is.batch, was.batch);
    ck_assert(is.best_top1 == was.best_top1);
    ck_assert_int_eq(is.best_step, was.best_step);
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
    network_free(n);
}
END_TEST

/* The design's words, tensor by tensor. */
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
    ck_assert_int_eq(ckpt_write(in_folder("a.h5"), n.graph, NULL, &info), OK);
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
    } tensors[] = {{"model/conv1.weight", 4, {4, 3, 2, 5}}, {"model/bn1.weight", 1, {4}}, {"model/bn1.bias", 1, {4}},
                   {"model/fc.weight", 2, {10, 7}},         {"model/fc.bias", 1, {10}}};
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
    ck_assert(info.best_top1 == -1);
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

/* ---- damage ---- */

static unsigned char *read_bytes(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    unsigned char *bytes = mem_new(*size, 1);
    ck_assert_uint_eq(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

static void write_bytes(const char *path, const unsigned char *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static void flipped_byte_is_found(const char *object) {
    h5_file *f;
    h5_info info;
    ck_assert_int_eq(h5_open(&f, in_folder("a.h5")), OK);
    ck_assert_int_eq(h5_get_info(f, object, &info), OK);
    h5_close(f);
    ck_assert_int_gt(info.offset, 0);
    size_t size;
    unsigned char *bytes = read_bytes(in_folder("a.h5"), &size);
    bytes[info.offset + 3] ^= 0x10;
    write_bytes(in_folder("bad.h5"), bytes, size);
    mem_free(bytes);
    ck_assert_int_eq(ckpt_verify(in_folder("bad.h5")), ERR_DATA);
    char *begin = text_format("%s: /%s is damaged: its CRC-32 is ", in_folder("bad.h5"), object);
    ck_assert_msg(strncmp(err_last()->text, begin, strlen(begin)) == 0, "%s", err_last()->text);
    mem_free(begin);
}

START_TEST(a_flipped_byte_is_found) {
    network n = make_network(10, 1, NULL);
    write_step("a.h5", n, 7);
    flipped_byte_is_found("model/fc.bias");
    char digest[CKPT_DIGEST];
    ck_assert_int_eq(ckpt_digest_file(in_folder("bad.h5"), digest), ERR_DATA);
    ck_assert_int_eq(ckpt_read_model(in_folder("bad.h5"), n.graph, false, NULL), ERR_DATA);
    flipped_byte_is_found("model/bn1.num_batches_tracked");
    flipped_byte_is_found("optimizer/momentum_buffer/conv1.weight");
    ck_assert_int_eq(ckpt_read_optimizer(in_folder("bad.h5"), n.graph, n.optim), ERR_DATA);
    network_free(n);
}
END_TEST

/* A step that HDF5 reads without complaint, and that is not what was written. */
START_TEST(changed_attributes_and_job_are_found) {
    network n = make_network(10, 1, NULL);
    write_step("a.h5", n, 0x1122334455667788);
    size_t size;
    unsigned char *bytes = read_bytes(in_folder("a.h5"), &size);
    size_t flipped = 0;
    for (size_t i = 0; i + 8 <= size; i++)
        if (memcmp(bytes + i, "\x88\x77\x66\x55\x44\x33\x22\x11", 8) == 0)
            bytes[i] ^= 1, flipped++;
    ck_assert_uint_eq(flipped, 1);
    write_bytes(in_folder("step.h5"), bytes, size);
    mem_free(bytes);
    ck_assert_int_ne(ckpt_verify(in_folder("step.h5")), OK);

    bytes = read_bytes(in_folder("a.h5"), &size);
    for (size_t i = 0; i + 7 <= size; i++)
        if (memcmp(bytes + i, "name: x", 7) == 0)
            bytes[i + 6] = 'z';
    write_bytes(in_folder("job.h5"), bytes, size);
    mem_free(bytes);
    ck_assert_int_eq(ckpt_verify(in_folder("job.h5")), ERR_DATA);
    ck_assert_ptr_nonnull(strstr(err_last()->text, "/job is damaged"));
    network_free(n);
}
END_TEST

START_TEST(truncated_and_foreign_files_are_refused) {
    network n = make_network(10, 1, NULL);
    write_step("a.h5", n, 7);
    size_t size;
    unsigned char *bytes = read_bytes(in_folder("a.h5"), &size);
    for (size_t part = 0; part < 16; part++) {
        write_bytes(in_folder("short.h5"), bytes, size * part / 16);
        ck_assert_int_ne(ckpt_verify(in_folder("short.h5")), OK);
    }
    mem_free(bytes);
    ck_assert_int_eq(ckpt_verify(in_folder("none.h5")), ERR_IO);
    write_bytes(in_folder("text.h5"), (const unsigned char *)"this is no HDF5 file, but it is long enough to look at", 54);
    ck_assert_int_eq(ckpt_verify(in_folder("text.h5")), ERR_DATA);

    h5_file *f;
    int64_t version = 2;
    ck_assert_int_eq(h5_create(&f, in_folder("other.h5")), OK);
    h5_write_attribute_text(f, "/", "format", "shoal-dataset");
    ck_assert_int_eq(h5_finish(f), OK);
    ck_assert_int_eq(ckpt_verify(in_folder("other.h5")), ERR_DATA);
    ck_assert_ptr_nonnull(strstr(err_last()->text, "is no checkpoint: its format is \"shoal-dataset\""));
    ck_assert_int_eq(h5_create(&f, in_folder("newer.h5")), OK);
    h5_write_attribute_text(f, "/", "format", "shoal-checkpoint");
    h5_write_attribute(f, "/", "version", H5_I64, 0, &version);
    ck_assert_int_eq(h5_finish(f), OK);
    ck_assert_int_eq(ckpt_verify(in_folder("newer.h5")), ERR_DATA);
    ck_assert_ptr_nonnull(strstr(err_last()->text, "version 2"));
    network_free(n);
}
END_TEST

/* ---- writes that fail ---- */

START_TEST(a_full_disk_leaves_the_old_file) {
    network n = make_network(10, 1, NULL), newer = make_network(30000, 2, NULL);
    write_step("a.h5", n, 7);
    signal(SIGXFSZ, SIG_IGN);
    for (rlim_t limit = 0; limit < 2000000; limit += 300000) {
        struct rlimit old, small;
        getrlimit(RLIMIT_FSIZE, &old);
        small = old;
        small.rlim_cur = limit;
        setrlimit(RLIMIT_FSIZE, &small);
        ckpt_info info = some_info(8);
        err code = ckpt_write(in_folder("a.h5"), newer.graph, newer.optim, &info);
        setrlimit(RLIMIT_FSIZE, &old);
        ck_assert_int_eq(code, ERR_IO);
        ck_assert_ptr_nonnull(strstr(err_last()->text, folder));
        ck_assert_int_eq(count_entries(), 1);
        ck_assert_int_eq(ckpt_verify(in_folder("a.h5")), OK);
        ck_assert_int_eq(ckpt_read_model(in_folder("a.h5"), n.graph, false, NULL), OK);
    }
    write_step("a.h5", newer, 9); /* and the next one goes well */
    ck_assert_int_eq(ckpt_read_model(in_folder("a.h5"), newer.graph, false, NULL), OK);
    network_free(n);
    network_free(newer);
}
END_TEST

START_TEST(folders_that_cannot_be_written_are_named) {
    network n = make_network(10, 1, NULL);
    ckpt_info info = some_info(8);
    write_step("a.h5", n, 7);
    ck_assert_int_eq(ckpt_write(in_folder("nowhere/a.h5"), n.graph, n.optim, &info), ERR_IO);
    ck_assert_ptr_nonnull(strstr(err_last()->text, "nowhere/"));
    if (geteuid() == 0) {
        puts("skipped: root writes to read-only folders");
    } else {
        chmod(folder, 0500);
        ck_assert_int_eq(ckpt_write(in_folder("a.h5"), n.graph, n.optim, &info), ERR_IO);
        ck_assert_ptr_nonnull(strstr(err_last()->text, "Permission denied"));
        chmod(folder, 0700);
    }
    ck_assert_int_eq(mkdir(in_folder("taken.h5"), 0700), 0);
    ck_assert_int_eq(ckpt_write(in_folder("taken.h5"), n.graph, n.optim, &info), ERR_IO);
    ck_assert_int_eq(count_entries(), 2);
    ck_assert_int_eq(ckpt_verify(in_folder("a.h5")), OK);
    network_free(n);
}
END_TEST

START_TEST(leftovers_of_dead_writers_go) {
    network n = make_network(10, 1, NULL);
    pid_t dead = 999999999; /* above any pid_max */
    char *leftover = text_format(".a.h5.tmp-%d", (int)dead), *alive = text_format(".a.h5.tmp-%d", (int)getppid());
    write_bytes(in_folder(leftover), (const unsigned char *)"half", 4);
    write_bytes(in_folder(alive), (const unsigned char *)"half", 4);
    write_step("a.h5", n, 1);
    ck_assert_int_ne(access(in_folder(leftover), F_OK), 0);
    ck_assert_int_eq(access(in_folder(alive), F_OK), 0);
    mem_free(leftover);
    mem_free(alive);
    network_free(n);
}
END_TEST

/* ---- run folders ---- */

static void newest_is(const char *name) {
    char *path;
    err code = ckpt_find_newest(folder, &path);
    ck_assert_msg(code == OK, "%s", err_last()->text);
    ck_assert_str_eq(path, in_folder(name));
    mem_free(path);
}

START_TEST(the_newest_whole_file_is_found) {
    network n = make_network(10, 1, NULL);
    char *path;
    ck_assert_int_eq(ckpt_find_newest(folder, &path), ERR_IO);
    ck_assert_ptr_null(path);
    write_step("best.h5", n, 5);
    newest_is("best.h5");
    write_step("step-9.h5", n, 9);
    write_step("step-10.h5", n, 10);
    newest_is("step-10.h5");
    write_step("last.h5", n, 10);
    newest_is("last.h5");
    write_step("other.h5", n, 99);
    write_bytes(in_folder("step-77.h5"), (const unsigned char *)"half", 4);
    newest_is("last.h5");
    ck_assert_int_eq(truncate(in_folder("last.h5"), 3000), 0);
    newest_is("step-10.h5");
    network_free(n);
}
END_TEST

START_TEST(old_files_are_pruned) {
    network n = make_network(10, 1, NULL);
    static const char *const names[] = {"step-8.h5", "step-9.h5", "step-10.h5", "step-100.h5", "last.h5", "best.h5", "step-x.h5", "step-7.h5.old"};
    for (int i = 0; i < 8; i++)
        write_step(names[i], n, i);
    ckpt_prune(folder, 2);
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(access(in_folder(names[i]), F_OK) == 0, i >= 2);
    ckpt_prune(folder, 0);
    ck_assert_int_eq(count_entries(), 4);
    network_free(n);
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
    Suite *suite = suite_create("ckpt");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, make_folder, remove_folder);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, model_and_state_come_back);
    tcase_add_test(tests, info_comes_back);
    tcase_add_test(tests, tensors_lie_in_pytorchs_order_with_their_crc);
    tcase_add_test(tests, a_file_without_an_optimizer_cannot_resume);
    tcase_add_test(tests, digest_is_the_designs);
    tcase_add_test(tests, weights_alone_are_enough);
    tcase_add_test(tests, what_does_not_fit_is_named);
    tcase_add_test(tests, a_replaced_head_keeps_its_values);
    tcase_add_test(tests, state_of_frozen_parameters_does_not_fit);
    tcase_add_test(tests, a_flipped_byte_is_found);
    tcase_add_test(tests, changed_attributes_and_job_are_found);
    tcase_add_test(tests, truncated_and_foreign_files_are_refused);
    tcase_add_test(tests, a_full_disk_leaves_the_old_file);
    tcase_add_test(tests, folders_that_cannot_be_written_are_named);
    tcase_add_test(tests, leftovers_of_dead_writers_go);
    tcase_add_test(tests, the_newest_whole_file_is_found);
    tcase_add_test(tests, old_files_are_pruned);
    tcase_add_test(tests, checkpoints_are_public);
    tcase_add_test(tests, data_sets_are_public);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
