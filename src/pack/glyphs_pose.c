/* Where and how a design lies in the picture: elastic distortion by a grid of displacements, then an affine map. */
#include "pack/glyphs.h"

enum { HALF = 100 }; /* of the side of the square of designs */

void glyphs_pose_draw(glyphs_pose *pose, glyphs_draws *d, const glyphs_pose_bounds *bounds) {
    double t = glyphs_between(d, -bounds->turn, bounds->turn);
    double cosine = (1 - t * t) / (1 + t * t), sine = 2 * t / (1 + t * t);
    double size = glyphs_between(d, bounds->size_low, bounds->size_high);
    double ratio = glyphs_between(d, 1 - bounds->stretch, 1 + bounds->stretch);
    double shear = glyphs_between(d, -bounds->stretch, bounds->stretch);
    double sign = glyphs_chance(d, 0.5) ? 1 : -1;
    pose->xx = sign * size * ratio * cosine;
    pose->xy = size * (shear * cosine - sine);
    pose->yx = sign * size * ratio * sine;
    pose->yy = size * (shear * sine + cosine);
    pose->x = GLYPHS_SIDE / 2.0 + glyphs_between(d, -bounds->shift, bounds->shift);
    pose->y = GLYPHS_SIDE / 2.0 + glyphs_between(d, -bounds->shift, bounds->shift);
    double elastic = glyphs_between(d, 0, bounds->elastic);
    for (int row = 0; row < GLYPHS_GRID; row++)
        for (int column = 0; column < GLYPHS_GRID; column++) {
            pose->grid[row][column].x = glyphs_between(d, -elastic, elastic);
            pose->grid[row][column].y = glyphs_between(d, -elastic, elastic);
        }
}

/* Which cell of the grid, and how far into it, with a smooth start and end so that no kinks show at its edges. */
static double cell_of(double at, int *cell) {
    double g = (at + HALF) * (GLYPHS_GRID - 1) / (2.0 * HALF);
    g = g < 0 ? 0 : g > GLYPHS_GRID - 1 ? GLYPHS_GRID - 1 : g;
    *cell = (int)g;
    if (*cell > GLYPHS_GRID - 2)
        *cell = GLYPHS_GRID - 2;
    double t = g - *cell;
    return t * t * (3 - 2 * t);
}

static double between_four(double a, double b, double c, double d, double tx, double ty) {
    double top = a + tx * (b - a), bottom = c + tx * (d - c);
    return top + ty * (bottom - top);
}

static glyphs_point displace(const glyphs_pose *pose, glyphs_point p) {
    int row, column;
    double tx = cell_of(p.x, &column), ty = cell_of(p.y, &row);
    const glyphs_point *top = &pose->grid[row][column], *bottom = &pose->grid[row + 1][column];
    return (glyphs_point){p.x + between_four(top[0].x, top[1].x, bottom[0].x, bottom[1].x, tx, ty),
                          p.y + between_four(top[0].y, top[1].y, bottom[0].y, bottom[1].y, tx, ty)};
}

void glyphs_pose_apply(const glyphs_pose *pose, const glyphs_path *from, bool mirror, glyphs_path *to) {
    to->part = from->part;
    to->closed = from->closed;
    to->n = from->n;
    for (int i = 0; i < from->n; i++) {
        glyphs_point p = from->p[i];
        if (mirror)
            p.x = -p.x;
        p = displace(pose, p);
        to->p[i].x = pose->xx * p.x + pose->xy * p.y + pose->x;
        to->p[i].y = pose->yx * p.x + pose->yy * p.y + pose->y;
    }
}
