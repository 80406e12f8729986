/* From a design's text to short segments in pixels: reading, smooth curves, elastic and affine distortion. */
#include "data/glyphs.h"

enum { CONTROL_POINTS = 32, STEPS = 8, ARC_STEPS = 6, HALF = 100 };

static const char *skip_spaces(const char *s) {
    while (*s == ' ')
        s++;
    return s;
}

static bool read_number(const char **text, int *number) {
    const char *s = skip_spaces(*text);
    bool negative = *s == '-';
    s += negative;
    if (*s < '0' || *s > '9')
        return false;
    int value = 0;
    for (; *s >= '0' && *s <= '9'; s++)
        value = 10 * value + (*s - '0');
    *number = negative ? -value : value;
    *text = s;
    return true;
}

static int read_points(const char **text, glyphs_point *points) {
    int n = 0, x, y;
    while (n < CONTROL_POINTS && read_number(text, &x)) {
        if (!read_number(text, &y))
            return 0;
        points[n++] = (glyphs_point){x, y};
    }
    return n;
}

static void add_point(glyphs_path *path, double x, double y) {
    if (path->n < GLYPHS_PATH_POINTS)
        path->p[path->n++] = (glyphs_point){x, y};
}

/* Catmull-Rom in one coordinate: the cubic from p1 to p2 with slopes (p2 - p0) / 2 and (p3 - p1) / 2. */
static double spline(double p0, double p1, double p2, double p3, double t) {
    double a = 3 * p1 - p0 - 3 * p2 + p3, b = 2 * p0 - 5 * p1 + 4 * p2 - p3, c = p2 - p0;
    return p1 + 0.5 * t * (c + t * (b + t * a));
}

static int control_index(int i, int n, bool closed) {
    if (closed)
        return (i + n) % n;
    return i < 0 ? 0 : i >= n ? n - 1 : i;
}

void glyphs_flatten(glyphs_path *path, const glyphs_point *control, int n, bool smooth) {
    path->n = 0;
    int spans = path->closed ? n : n - 1;
    for (int i = 0; i < spans; i++) {
        glyphs_point p0 = control[control_index(i - 1, n, path->closed)], p1 = control[i];
        glyphs_point p2 = control[control_index(i + 1, n, path->closed)], p3 = control[control_index(i + 2, n, path->closed)];
        for (int step = 0; step < STEPS; step++) {
            double t = (double)step / STEPS;
            if (smooth)
                add_point(path, spline(p0.x, p1.x, p2.x, p3.x, t), spline(p0.y, p1.y, p2.y, p3.y, t));
            else
                add_point(path, p1.x + t * (p2.x - p1.x), p1.y + t * (p2.y - p1.y));
        }
    }
    glyphs_point last = control[path->closed ? 0 : n - 1];
    add_point(path, last.x, last.y);
}

/* Quarter by quarter: the circle at tan(angle / 2) = t is ((1 - t²) / (1 + t²), 2t / (1 + t²)). */
static void flatten_ellipse(glyphs_path *path, glyphs_point center, glyphs_point radius) {
    path->n = 0;
    for (int quarter = 0; quarter < 4; quarter++)
        for (int step = 0; step < ARC_STEPS; step++) {
            double t = (double)step / ARC_STEPS, u = (1 - t * t) / (1 + t * t), v = 2 * t / (1 + t * t);
            double x = quarter == 0 ? u : quarter == 1 ? -v : quarter == 2 ? -u : v;
            double y = quarter == 0 ? v : quarter == 1 ? u : quarter == 2 ? -v : -u;
            add_point(path, center.x + radius.x * x, center.y + radius.y * y);
        }
    add_point(path, center.x + radius.x, center.y);
}

static bool part_of(char letter, glyphs_path *path) {
    switch (letter) {
    case 'F': case 'f': case 'O': path->part = GLYPHS_BODY; break;
    case 'L': case 'l': case 'R': path->part = GLYPHS_LINE; break;
    case 'M': case 'm': path->part = GLYPHS_MARK; break;
    case 'o': path->part = GLYPHS_DOT; break;
    default: return false;
    }
    path->closed = letter == 'F' || letter == 'f' || letter == 'O' || letter == 'R' || letter == 'o';
    return true;
}

bool glyphs_read_path(const char **text, glyphs_path *path) {
    const char *s = skip_spaces(*text);
    path->mirrored = path->optional = false;
    for (; *s == '=' || *s == '?'; s++) {
        path->mirrored |= *s == '=';
        path->optional |= *s == '?';
    }
    char letter = *s;
    *text = s;
    if (letter == '\0' || !part_of(letter, path))
        return false;
    const char *numbers = s + 1;
    glyphs_point points[CONTROL_POINTS];
    int n = read_points(&numbers, points);
    bool ellipse = letter == 'O' || letter == 'R' || letter == 'o';
    if (n < 2 || (ellipse && n != 2))
        return false;
    *text = skip_spaces(numbers);
    if (ellipse)
        flatten_ellipse(path, points[0], points[1]);
    else
        glyphs_flatten(path, points, n, letter == 'f' || letter == 'l' || letter == 'm');
    return true;
}

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
