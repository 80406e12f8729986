/* Jobs: YAML, then overrides, each after a line `--- override`. What is read is written and read again as the same. */
#include <string.h>

#include "fuzz.h"
#include "job/job.h"

enum { MOST = 8 };
static const char mark[] = "\n--- override\n";

static void check_round_trip(const job *j) {
    job *again = NULL;
    char *text = job_text(j);
    fuzz_expect(job_parse(&again, text, "again", NULL, 0) == OK, "a job that was written can be read");
    char *twice = job_text(again);
    fuzz_expect(strcmp(text, twice) == 0, "a job that was written and read is the same");
    char *changes = NULL;
    fuzz_expect(job_check_resume(again, j, true, &changes) == OK && !*changes, "a job goes on as itself");
    mem_free(changes);
    mem_free(text);
    mem_free(twice);
    job_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *texts[1 + MOST];
    int count = 0;
    for (size_t at = 0; count <= MOST;) {
        size_t length = fuzz_find(data + at, size - at, mark);
        texts[count++] = fuzz_text(data + at, length);
        if (length == size - at)
            break;
        at += length + sizeof mark - 1;
    }
    job *j = NULL;
    if (job_parse(&j, texts[0], "fuzzed", (const char *const *)texts + 1, count - 1) == OK)
        check_round_trip(j);
    job_free(j);
    for (int i = 0; i < count; i++)
        mem_free(texts[i]);
    return 0;
}
