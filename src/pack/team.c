/* Ranks that work side by side without talking, but for a short meeting every few seconds: how far is everybody, has anybody failed? */
#include "pack/team.h"
#include "pack/internal.h"

#include <string.h>

static const double round_seconds = 2;

team team_of_all(void) {
    comm *ranks = comm_world();
    return (team){ranks, ranks ? comm_rank(ranks) : 0, ranks ? comm_size(ranks) : 1};
}

err team_agree(const team *t, err code) {
    return t->ranks ? comm_agree(t->ranks, code) : code;
}

bool team_same(const team *t, const void *data, size_t bytes) {
    return !t->ranks || comm_same(t->ranks, data, bytes);
}

void team_gather(const team *t, const void *mine, void *all, size_t bytes) {
    if (t->ranks)
        comm_gather_equal(t->ranks, mine, all, bytes);
    else
        memcpy(all, mine, bytes);
}

typedef struct report {
    team_amount amount;
    bool done;
} report;

/* What all ranks report together; done where all are. */
static report meet(const team *t, report mine) {
    report *all = mem_new((size_t)t->size, sizeof *all), sum = {.done = true};
    team_gather(t, &mine, all, sizeof mine);
    for (int r = 0; r < t->size; r++) {
        sum.amount.pictures += all[r].amount.pictures;
        sum.amount.done += all[r].amount.done;
        sum.amount.before += all[r].amount.before;
        sum.done = sum.done && all[r].done;
    }
    mem_free(all);
    return sum;
}

err team_run(const team *t, const team_work *work) {
    pack_progress progress = {.name = work->name, .start = time_now(), .shown = time_now()};
    report mine = {.done = false}, all = {.done = false};
    err code = OK;
    while (code == OK && !all.done) {
        double end = time_now() + round_seconds;
        while (code == OK && !mine.done && time_now() < end) {
            code = work->step(work->context, &mine.amount, &mine.done);
            if (t->size == 1)
                pack_progress_show(&progress, mine.amount.pictures, mine.amount.done, mine.amount.before, work->whole);
        }
        code = team_agree(t, code);
        all = meet(t, mine);
        pack_progress_show(&progress, all.amount.pictures, all.amount.done, all.amount.before, work->whole);
    }
    log_status("%s", "");
    return code;
}

void team_sum(const team *t, uint64_t *numbers, int count) {
    size_t bytes = (size_t)count * sizeof *numbers;
    uint64_t *all = mem_new((size_t)t->size, bytes);
    team_gather(t, numbers, all, bytes);
    for (int i = 0; i < count; i++) {
        numbers[i] = 0;
        for (int r = 0; r < t->size; r++)
            numbers[i] += all[r * count + i];
    }
    mem_free(all);
}
