/* From a design's text to short segments: reading it, smooth curves, ellipses. */
#include "pack/glyphs.h"

enum { CONTROL_POINTS = 32, STEPS = 8, ARC_STEPS = 6 };

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
    case 'F':
    case 'f':
    case 'O':
        path->part = GLYPHS_BODY;
        break;
    case 'L':
    case 'l':
    case 'R':
        path->part = GLYPHS_LINE;
        break;
    case 'M':
    case 'm':
        path->part = GLYPHS_MARK;
        break;
    case 'o':
        path->part = GLYPHS_DOT;
        break;
    default:
        return false;
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
