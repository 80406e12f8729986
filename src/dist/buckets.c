/* Gradients are summed bucket by bucket on a thread of its own while backward goes on to compute the next ones. */
#include "dist/internal.h"

int dist_n_buckets(const dist *d) {
    return d->n_buckets;
}

void dist_bucket(const dist *d, int bucket, int64_t *first, int64_t *last) {
    *first = bucket == 0 ? 0 : d->bucket_end[bucket - 1];
    *last = d->bucket_end[bucket];
}

static void sum_bucket(dist *d, int bucket) {
    int64_t first, last;
    dist_bucket(d, bucket, &first, &last);
    int64_t piece = (int64_t)d->levels[0].piece;
    for (int64_t at = first; at < last; at += piece) {
        void *blocks[TREE_DEPTH];
        for (int b = 0; b < d->n_blocks; b++)
            blocks[b] = d->grads[b] + at;
        int64_t left = last - at;
        level_sum_slices(d->levels, d->n_levels, blocks, (size_t)(left < piece ? left : piece), blocks[0]);
    }
}

static void *run_thread(void *context) {
    dist *d = context;
    pthread_mutex_lock(&d->lock);
    for (;;) {
        while (d->handed == d->summed && !d->stop)
            pthread_cond_wait(&d->changed, &d->lock);
        if (d->stop)
            break;
        int bucket = (int)(d->summed % d->n_buckets);
        pthread_mutex_unlock(&d->lock);
        sum_bucket(d, bucket);
        pthread_mutex_lock(&d->lock);
        d->summed++;
        place_tick();
        pthread_cond_broadcast(&d->changed);
    }
    pthread_mutex_unlock(&d->lock);
    return NULL;
}

err dist_start_thread(dist *d) {
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->changed, NULL);
    if (d->n_levels == 0)
        return OK;
    d->has_thread = threads_start(&d->thread, run_thread, d) == 0;
    return d->has_thread ? OK : fail(ERR_BROKEN, "the communication thread cannot be started: raise the limit on processes (ulimit -u)");
}

void dist_stop_thread(dist *d) {
    if (d->has_thread) {
        pthread_mutex_lock(&d->lock);
        d->stop = true;
        pthread_cond_broadcast(&d->changed);
        pthread_mutex_unlock(&d->lock);
        pthread_join(d->thread, NULL);
    }
    pthread_cond_destroy(&d->changed);
    pthread_mutex_destroy(&d->lock);
}

void dist_on_grad(void *context, int64_t complete) {
    dist *d = context;
    if (d->n_levels == 0)
        return;
    if (d->step_over)
        d->step_start += d->n_buckets;
    d->step_over = false;
    pthread_mutex_lock(&d->lock);
    int64_t step_end = d->step_start + d->n_buckets, before = d->handed;
    while (d->handed < step_end && d->bucket_end[d->handed - d->step_start] <= complete)
        d->handed++;
    if (d->handed > before)
        pthread_cond_broadcast(&d->changed);
    pthread_mutex_unlock(&d->lock);
}

void dist_wait(dist *d, int bucket) {
    if (d->n_levels == 0)
        return;
    double start = time_now();
    place_waits(true);
    pthread_mutex_lock(&d->lock);
    while (d->summed <= d->step_start + bucket)
        pthread_cond_wait(&d->changed, &d->lock);
    pthread_mutex_unlock(&d->lock);
    d->step_over = bucket == d->n_buckets - 1;
    place_waits(false);
    d->wait_seconds += time_now() - start;
}
