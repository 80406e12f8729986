/* comm: messages and collectives of all shapes, also cut into pieces; agreement on errors; communicators. */
#define _POSIX_C_SOURCE 200809L /* setenv */
#include "everywhere.h"
#include "suite.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* A communicator of everybody whose messages are cut after a prime number of bytes. */
static comm *cut_world(void) {
    setenv("SHOAL_PIECE_BYTES", "997", 1);
    comm *c = comm_copy(comm_world());
    unsetenv("SHOAL_PIECE_BYTES");
    return c;
}

/* Bytes that say whom they come from, whom they go to, which message and which byte they are. */
static void fill(char *data, size_t bytes, int from, int to, int message) {
    for (size_t i = 0; i < bytes; i++)
        data[i] = (char)(i * 7 + i / 251 + (size_t)from * 101 + (size_t)to * 37 + (size_t)message * 13);
}

static bool is_filled(const char *data, size_t bytes, int from, int to, int message) {
    char *wanted = mem_new(bytes, 1);
    fill(wanted, bytes, from, to, message);
    bool same = bytes == 0 || memcmp(data, wanted, bytes) == 0;
    mem_free(wanted);
    return same;
}

START_TEST(ranks_are_those_of_mpi) {
    int rank, size;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    ck_assert(everywhere(comm_rank(comm_world()) == rank && comm_size(comm_world()) == size && log_rank() == rank));
}
END_TEST

/* All ranks of this test share a machine. */
START_TEST(ranks_of_the_node_are_found) {
    int rank = comm_rank(comm_world()), size = comm_size(comm_world());
    comm *node = comm_node(comm_world());
    bool all_here = comm_size(node) == size && comm_rank(node) == rank;
    comm_free(node);
    ck_assert(everywhere(all_here && comm_same(comm_world(), comm_host(), strlen(comm_host()))));
}
END_TEST

START_TEST(nodes_can_be_pretended) {
    int rank = comm_rank(comm_world()), size = comm_size(comm_world());
    setenv("SHOAL_RANKS_PER_NODE", "2", 1);
    comm *node = comm_node(comm_world());
    unsetenv("SHOAL_RANKS_PER_NODE");
    int members = rank / 2 * 2 + 1 < size ? 2 : 1;
    bool as_told = comm_size(node) == members && comm_rank(node) == rank % 2;
    comm_free(node);
    ck_assert(everywhere(as_told));
}
END_TEST

START_TEST(split_keeps_the_order_of_ranks) {
    int rank = comm_rank(comm_world()), size = comm_size(comm_world());
    comm *part = comm_split(comm_world(), rank % 2);
    int *ranks = mem_new((size_t)comm_size(part), sizeof *ranks);
    comm_gather_equal(part, &rank, ranks, sizeof rank);
    bool in_order = comm_size(part) == (size + 1 - rank % 2) / 2;
    for (int i = 0; i < comm_size(part); i++)
        in_order = in_order && ranks[i] == rank % 2 + 2 * i;
    mem_free(ranks);
    comm_free(part);
    ck_assert(everywhere(in_order));
}
END_TEST

/* Three messages between any two ranks, this rank and itself included; of all sizes around a piece. */
static bool exchange_all(comm *c) {
    enum { MESSAGES = 3 };
    static const size_t sizes[] = {0, 1, 996, 997, 998, 5000, 100003};
    int size = comm_size(c), rank = comm_rank(c), count = MESSAGES * size;
    comm_message *sends = mem_new((size_t)count, sizeof *sends), *receives = mem_new((size_t)count, sizeof *receives);
    for (int i = 0; i < count; i++) {
        int peer = (rank + i) % size, message = i / size;
        size_t to_peer = sizes[(rank * 3 + peer * 5 + message) % 7], from_peer = sizes[(peer * 3 + rank * 5 + message) % 7];
        sends[i] = (comm_message){peer, mem_new(to_peer, 1), to_peer};
        fill(sends[i].data, to_peer, rank, peer, message);
        receives[i] = (comm_message){peer, mem_new(from_peer, 1), from_peer};
    }
    comm_exchange(c, sends, count, receives, count);
    bool right = true;
    for (int i = 0; i < count; i++) {
        right = right && is_filled(receives[i].data, receives[i].bytes, receives[i].rank, rank, i / size);
        mem_free(sends[i].data);
        mem_free(receives[i].data);
    }
    mem_free(sends);
    mem_free(receives);
    return right;
}

START_TEST(messages_arrive) {
    comm *cut = cut_world();
    bool whole = exchange_all(comm_world()), in_pieces = exchange_all(cut);
    comm_free(cut);
    ck_assert(everywhere(whole));
    ck_assert(everywhere(in_pieces));
}
END_TEST

static bool broadcast_from_all(comm *c, size_t bytes) {
    bool right = true;
    char *data = mem_new(bytes, 1);
    for (int root = 0; root < comm_size(c); root++) {
        fill(data, bytes, comm_rank(c), 0, 0);
        comm_broadcast(c, root, data, bytes);
        right = right && is_filled(data, bytes, root, 0, 0);
    }
    mem_free(data);
    return right;
}

START_TEST(broadcasts_arrive) {
    comm *cut = cut_world();
    bool right = true;
    for (size_t bytes = 0; bytes < 4000; bytes = bytes * 2 + 1)
        right = right && broadcast_from_all(comm_world(), bytes) && broadcast_from_all(cut, bytes);
    comm_free(cut);
    ck_assert(everywhere(right));
}
END_TEST

static bool gather_uneven(comm *c, bool in_place) {
    int size = comm_size(c), rank = comm_rank(c);
    size_t *bytes = mem_new((size_t)size, sizeof *bytes), total = 0, before = 0;
    for (int r = 0; r < size; r++) {
        bytes[r] = (size_t)((r + 2) % 3) * 1500; /* 3000, 0, 1500, 3000 */
        before += r < rank ? bytes[r] : 0;
        total += bytes[r];
    }
    char *all = mem_new(total, 1), *mine = in_place ? all + before : mem_new(bytes[rank], 1);
    fill(mine, bytes[rank], rank, 0, 0);
    comm_gather_all(c, mine, all, bytes);
    bool right = true;
    size_t at = 0;
    for (int r = 0; r < size; at += bytes[r++])
        right = right && is_filled(all + at, bytes[r], r, 0, 0);
    if (!in_place)
        mem_free(mine);
    mem_free(all);
    mem_free(bytes);
    return right;
}

START_TEST(uneven_parts_are_gathered) {
    comm *cut = cut_world();
    bool whole = gather_uneven(comm_world(), false), in_place = gather_uneven(comm_world(), true), in_pieces = gather_uneven(cut, false);
    comm_free(cut);
    ck_assert(everywhere(whole));
    ck_assert(everywhere(in_place));
    ck_assert(everywhere(in_pieces));
}
END_TEST

/* Ranks of different pace: what is read must be of this meeting, not of the one before or after. */
static bool meet_often(comm *c, comm_board *b, size_t bytes) {
    bool right = true;
    for (int meeting = 0; meeting < 200; meeting++) {
        fill(comm_board_mine(b), bytes, comm_rank(c), 0, meeting);
        if ((meeting + comm_rank(c)) % 50 == 0)
            time_sleep(1e-3);
        comm_board_come(b);
        if ((meeting + comm_rank(c)) % 71 == 0)
            time_sleep(1e-3);
        comm_board_meet(b);
        for (int r = 0; r < comm_size(c); r++) {
            if ((meeting + r + comm_rank(c)) % 67 == 0)
                time_sleep(1e-3);
            right = right && is_filled(comm_board_read(b, r), bytes, r, 0, meeting);
        }
    }
    return right;
}

START_TEST(boards_show_what_all_have_written) {
    static const size_t sizes[] = {1, 64, 1000, 100001};
    comm *awake = comm_copy(comm_world());
    comm_stay_awake(awake);
    bool right = true;
    for (int i = 0; i < 4; i++) {
        comm *c = i % 2 ? awake : comm_world();
        comm_board *b = comm_board_new(c, sizes[i]);
        right = meet_often(c, b, sizes[i]) && right;
        comm_board_free(b);
    }
    comm_free(awake);
    ck_assert(everywhere(right));
}
END_TEST

START_TEST(no_board_for_several_nodes) {
    setenv("SHOAL_RANKS_PER_NODE", "1", 1);
    comm_board *none = comm_board_new(comm_world(), 8);
    unsetenv("SHOAL_RANKS_PER_NODE");
    bool as_told = (none == NULL) == (comm_size(comm_world()) > 1);
    comm_board_free(none);
    ck_assert(everywhere(as_told));
}
END_TEST

START_TEST(no_error_is_agreed) {
    ck_assert(everywhere(comm_agree(comm_world(), OK) == OK));
}
END_TEST

START_TEST(one_rank_fails) {
    int rank = comm_rank(comm_world()), size = comm_size(comm_world());
    for (int bad = 0; bad < size; bad++) {
        err_clear();
        err code = rank == bad ? fail(ERR_DATA, "disk %d is gone", bad) : OK;
        err agreed = comm_agree(comm_world(), code);
        char text[32];
        snprintf(text, sizeof text, "disk %d is gone", bad);
        ck_assert(everywhere(agreed == ERR_DATA && err_last()->code == ERR_DATA && strcmp(err_last()->text, text) == 0));
        ck_assert(everywhere(err_last()->rank == (size > 1 ? bad : -1)));
    }
}
END_TEST

/* Codes 64, 70, 65, 70: rank 1 is the first with the worst. */
START_TEST(the_worst_error_wins) {
    static const err codes[] = {ERR_USAGE, ERR_BROKEN, ERR_DATA, ERR_BROKEN};
    int rank = comm_rank(comm_world()), size = comm_size(comm_world()), worst = size > 1 ? 1 : 0;
    err agreed = comm_agree(comm_world(), fail(codes[rank % 4], "text of rank %d", rank));
    char text[32];
    snprintf(text, sizeof text, "text of rank %d", worst);
    ck_assert(everywhere(agreed == codes[worst] && strcmp(err_last()->text, text) == 0));
    ck_assert(everywhere(err_last()->rank == (size > 1 ? worst : -1)));
}
END_TEST

START_TEST(one_error_of_all_belongs_to_nobody) {
    err agreed = comm_agree(comm_world(), fail(ERR_IO, "no such file"));
    ck_assert(everywhere(agreed == ERR_IO && err_last()->rank == -1 && strcmp(err_last()->text, "no such file") == 0));
}
END_TEST

START_TEST(sameness_is_seen) {
    enum { BYTES = 3000000 };
    int size = comm_size(comm_world()), last = size - 1;
    char *data = mem_new(BYTES, 1);
    bool equal = comm_same(comm_world(), data, BYTES), nothing = comm_same(comm_world(), NULL, 0);
    bool shorter = comm_same(comm_world(), data, comm_rank(comm_world()) == last ? BYTES - 1 : BYTES);
    if (comm_rank(comm_world()) == last)
        data[BYTES - 1] = 1;
    bool different = comm_same(comm_world(), data, BYTES);
    mem_free(data);
    ck_assert(everywhere(equal && nothing));
    ck_assert(everywhere(shorter == (size == 1) && different == (size == 1)));
}
END_TEST

typedef struct talk {
    comm *c;
    bool right;
} talk;

static void *talk_for_a_while(void *context) {
    talk *t = context;
    for (int i = 0; i < 20; i++)
        t->right = exchange_all(t->c) && gather_uneven(t->c, false) && t->right;
    return NULL;
}

START_TEST(two_threads_communicate_at_once) {
    talk mine = {comm_world(), true}, other = {comm_copy(comm_world()), true};
    pthread_t thread;
    pthread_create(&thread, NULL, talk_for_a_while, &other);
    talk_for_a_while(&mine);
    pthread_join(thread, NULL);
    comm_free(other.c);
    ck_assert(everywhere(mine.right && other.right));
}
END_TEST

START_TEST(the_library_has_a_name) {
    ck_assert(everywhere(strlen(comm_library()) > 3 && comm_library()[0] >= 'A'));
}
END_TEST

int main(void) {
    if (comm_init() != OK)
        return 1;
    TCase *tests = suite_case("comm");
    tcase_add_test(tests, ranks_are_those_of_mpi);
    tcase_add_test(tests, ranks_of_the_node_are_found);
    tcase_add_test(tests, nodes_can_be_pretended);
    tcase_add_test(tests, split_keeps_the_order_of_ranks);
    tcase_add_test(tests, messages_arrive);
    tcase_add_test(tests, broadcasts_arrive);
    tcase_add_test(tests, uneven_parts_are_gathered);
    tcase_add_test(tests, boards_show_what_all_have_written);
    tcase_add_test(tests, no_board_for_several_nodes);
    tcase_add_test(tests, no_error_is_agreed);
    tcase_add_test(tests, one_rank_fails);
    tcase_add_test(tests, the_worst_error_wins);
    tcase_add_test(tests, one_error_of_all_belongs_to_nobody);
    tcase_add_test(tests, sameness_is_seen);
    tcase_add_test(tests, two_threads_communicate_at_once);
    tcase_add_test(tests, the_library_has_a_name);
    return run_everywhere();
}
