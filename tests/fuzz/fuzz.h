/* What the targets share. A target is one reader: LLVMFuzzerTestOneInput() gives it any bytes, and whatever they are it must come back. */
#ifndef SHOAL_TESTS_FUZZ_H
#define SHOAL_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A folder in memory, for readers that want paths; gone when the process ends. */
const char *fuzz_folder(void);

/* Writes a file there; its path, until the next call. */
const char *fuzz_write(const char *name, const uint8_t *bytes, size_t size);

/* Where the bytes `mark` begin, or `size`: an input may hold several files. */
size_t fuzz_find(const uint8_t *data, size_t size, const char *mark);

/* A copy that ends in NUL. */
char *fuzz_text(const uint8_t *bytes, size_t size);

/* Whether something that must hold does; ends the process, as a crash that the fuzzer sees, where it does not. */
void fuzz_expect(bool holds, const char *what);

#endif
