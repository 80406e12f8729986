/* The lane tree against its other description: a subtree of n lanes is a left one of the largest power of two below n, and the rest. */
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "suite.h"

enum { MOST = 40 };

/* `((0+1)+2)`: the order of additions over lanes [first, first + n). */
static char *expected(int first, int n) {
    if (n == 1)
        return text_format("%d", first);
    int left = 1;
    while (2 * left < n)
        left *= 2;
    char *a = expected(first, left), *b = expected(first + left, n - left);
    char *sum = text_format("(%s+%s)", a, b);
    mem_free(a);
    mem_free(b);
    return sum;
}

/* Sums under way, written as text. */
typedef struct stack {
    char *sums[TREE_DEPTH];
    int count;
} stack;

static void merge(stack *s) {
    ck_assert_int_ge(s->count, 2);
    char *right = s->sums[--s->count], *left = s->sums[s->count - 1];
    s->sums[s->count - 1] = text_format("(%s+%s)", left, right);
    mem_free(left);
    mem_free(right);
}

static void push(stack *s, char *sum, int merges) {
    ck_assert_int_lt(s->count, TREE_DEPTH);
    s->sums[s->count++] = sum;
    for (int i = 0; i < merges; i++)
        merge(s);
}

static void check_whole(stack *s, int lanes) {
    while (s->count > 1)
        merge(s);
    char *whole = expected(0, lanes);
    ck_assert_str_eq(s->sums[0], whole);
    mem_free(whole);
    mem_free(s->sums[0]);
}

START_TEST(pushing_lanes_builds_the_tree) {
    for (int lanes = 1; lanes <= MOST; lanes++) {
        stack s = {0};
        for (int lane = 0; lane < lanes; lane++)
            push(&s, expected(lane, 1), tree_merges(0, lane));
        check_whole(&s, lanes);
    }
}
END_TEST

START_TEST(pushing_the_blocks_of_any_cut_builds_the_tree) {
    for (int lanes = 1; lanes <= MOST; lanes++)
        for (int a = 0; a <= lanes; a++)
            for (int b = a; b <= lanes; b++) {
                stack s = {0};
                int cuts[4] = {0, a, b, lanes};
                for (int part = 0; part < 3; part++) {
                    tree_block blocks[TREE_DEPTH];
                    int n = tree_blocks(lanes, cuts[part], cuts[part + 1], blocks);
                    for (int i = 0; i < n; i++)
                        push(&s, expected(blocks[i].first, blocks[i].size), tree_block_merges(0, blocks[i]));
                }
                check_whole(&s, lanes);
            }
}
END_TEST

/* What a rank has after pushing its own lanes are its blocks, in order and without gaps. */
START_TEST(pushing_a_range_leaves_its_blocks) {
    for (int first = 0; first < MOST; first++)
        for (int last = first + 1; last <= MOST; last++) {
            stack s = {0};
            for (int lane = first; lane < last; lane++)
                push(&s, expected(lane, 1), tree_merges(first, lane));
            tree_block blocks[TREE_DEPTH];
            int n = tree_blocks(MOST + 1, first, last, blocks), next = first;
            ck_assert_int_eq(s.count, n);
            for (int i = 0; i < n; i++) {
                char *sum = expected(blocks[i].first, blocks[i].size);
                ck_assert_str_eq(s.sums[i], sum);
                ck_assert_int_eq(blocks[i].first, next);
                next += blocks[i].size;
                mem_free(sum);
                mem_free(s.sums[i]);
            }
            ck_assert_int_eq(next, last);
        }
}
END_TEST

START_TEST(all_lanes_are_one_block) {
    for (int lanes = 1; lanes <= MOST; lanes++) {
        tree_block blocks[TREE_DEPTH];
        ck_assert_int_eq(tree_blocks(lanes, 0, lanes, blocks), 1);
        ck_assert_int_eq(blocks[0].first, 0);
        ck_assert_int_eq(blocks[0].size, lanes);
    }
}
END_TEST

START_TEST(an_empty_range_has_no_blocks) {
    tree_block blocks[TREE_DEPTH];
    ck_assert_int_eq(tree_blocks(8, 3, 3, blocks), 0);
}
END_TEST

int main(void) {
    TCase *tests = suite_case("tree");
    tcase_add_test(tests, pushing_lanes_builds_the_tree);
    tcase_add_test(tests, pushing_the_blocks_of_any_cut_builds_the_tree);
    tcase_add_test(tests, pushing_a_range_leaves_its_blocks);
    tcase_add_test(tests, all_lanes_are_one_block);
    tcase_add_test(tests, an_empty_range_has_no_blocks);
    return suite_run();
}
