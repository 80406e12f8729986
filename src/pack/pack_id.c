/* The id that all files of one packing carry, so that a train and a val of different ones are told apart. A hash of what is in them: the
 * same pictures packed the same way have the same id, on any machine and any number of ranks. */
#include "pack/internal.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

struct pack_hash {
    EVP_MD_CTX *context;
};

/* OpenSSL fails only for want of memory. */
static void must(bool good) {
    if (!good)
        err_end(ERR_BROKEN, "OpenSSL cannot compute a SHA-256");
}

pack_hash *pack_hash_new(void) {
    pack_hash *h = mem_new(1, sizeof *h);
    h->context = EVP_MD_CTX_new();
    must(h->context && EVP_DigestInit_ex(h->context, EVP_sha256(), NULL) == 1);
    return h;
}

void pack_hash_add(pack_hash *h, const void *bytes, size_t n_bytes) {
    must(n_bytes == 0 || EVP_DigestUpdate(h->context, bytes, n_bytes) == 1);
}

void pack_hash_add_text(pack_hash *h, const char *text) {
    pack_hash_add(h, text, strlen(text) + 1);
}

void pack_hash_finish(pack_hash *h, char id[PACK_ID]) {
    uint8_t bytes[EVP_MAX_MD_SIZE];
    must(EVP_DigestFinal_ex(h->context, bytes, NULL) == 1);
    for (int i = 0; 2 * i < PACK_ID - 1; i++)
        snprintf(id + 2 * i, 3, "%02x", bytes[i]);
    EVP_MD_CTX_free(h->context);
    mem_free(h);
}
