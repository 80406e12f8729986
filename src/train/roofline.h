/* What this machine allows at best, measured: what a layer's time is held against (Williams, Waterman, Patterson: Roofline, 2009). */
#ifndef SHOAL_TRAIN_ROOFLINE_H
#define SHOAL_TRAIN_ROOFLINE_H

typedef struct roofline {
    double flops; /* a second: multiply-adds in registers, with the kernels' instruction set */
    double bytes; /* a second: read and written by a copy of more than the caches hold */
} roofline;

/* Of all threads of this rank together, in about half a second. Every rank of a node should measure at the same time, since they share the
 * memory. Not collective. */
roofline roofline_measure(void);

/* Seconds that so much work takes at least. */
double roofline_seconds(const roofline *r, double flops, double bytes);

#endif
