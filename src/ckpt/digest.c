/* The digest: SHA-256 over /model, names sorted bytewise; of each: name, NUL, raw little-endian data. */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ckpt/internal.h"

/* ---- SHA-256 ---- */

static void must(int good) {
    if (good != 1)
        err_end(ERR_BROKEN, "OpenSSL cannot compute a SHA-256");
}

static EVP_MD_CTX *hash_new(void) {
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    must(hash != NULL);
    must(EVP_DigestInit_ex(hash, EVP_sha256(), NULL));
    return hash;
}

static void hash_tensor(EVP_MD_CTX *hash, const char *name, const void *values, size_t bytes) {
    must(EVP_DigestUpdate(hash, name, strlen(name) + 1));
    must(EVP_DigestUpdate(hash, values, bytes));
}

static void hash_finish(EVP_MD_CTX *hash, char digest[CKPT_DIGEST]) {
    unsigned char bytes[(CKPT_DIGEST - 1) / 2];
    must(EVP_DigestFinal_ex(hash, bytes, NULL));
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(digest + 2 * i, 3, "%02x", bytes[i]);
    EVP_MD_CTX_free(hash);
}

/* ---- of values in memory ---- */

static int by_name(const void *a, const void *b) {
    const param *const *p = a, *const *q = b;
    return strcmp((*p)->name, (*q)->name);
}

static void hash_param(EVP_MD_CTX *hash, const param *p) {
    if (p->role == PARAM_COUNTER) {
        hash_tensor(hash, p->name, &p->counter, sizeof p->counter);
        return;
    }
    float *plain = mem_new((size_t)p->size, sizeof *plain);
    param_to_plain(p, p->value, plain);
    hash_tensor(hash, p->name, plain, (size_t)p->size * sizeof *plain);
    mem_free(plain);
}

void ckpt_digest_graph(const graph *g, char digest[CKPT_DIGEST]) {
    size_t count = (size_t)graph_n_params(g);
    const param **params = mem_new(count, sizeof(param *));
    for (size_t i = 0; i < count; i++)
        params[i] = graph_param(g, (int)i);
    qsort(params, count, sizeof *params, by_name);
    EVP_MD_CTX *hash = hash_new();
    for (size_t i = 0; i < count; i++)
        hash_param(hash, params[i]);
    hash_finish(hash, digest);
    mem_free(params);
}

/* ---- of a file ---- */

static err hash_dataset(EVP_MD_CTX *hash, h5_file *f, const char *name, const char *object) {
    h5_info info;
    void *values = NULL;
    err code = h5_get_info(f, object, &info);
    size_t bytes = code == OK ? ckpt_type_bytes(info.type) : 0;
    if (code == OK && bytes == 0)
        code = fail(ERR_DATA, "%s: %s holds no numbers", h5_path(f), object);
    if (code == OK) {
        values = mem_new(info.count, bytes);
        code = ckpt_read_tensor(f, object, info.type, values);
    }
    if (code == OK)
        hash_tensor(hash, name, values, info.count * bytes);
    mem_free(values);
    return code;
}

err ckpt_digest_file(const char *path, char digest[CKPT_DIGEST]) {
    h5_file *f = NULL;
    tensor_places found = {0};
    err code = ckpt_open(&f, path);
    if (code == OK)
        code = ckpt_find_tensors(f, ckpt_weights_group(f), &found);
    EVP_MD_CTX *hash = hash_new();
    for (size_t i = 0; i < found.count && code == OK; i++)
        code = hash_dataset(hash, f, found.list[i].name, found.list[i].object);
    hash_finish(hash, digest);
    ckpt_tensors_reset(&found);
    return ckpt_close(f, code);
}
