/* Views: from the size of a picture to the pixels that must be decoded for it, and from these to the result. */
#include <string.h>

#include "image/transform.h"

image_view view_whole(int width, int height) {
    window all = {0, 0, height, width};
    return (image_view){.part = all, .width = width, .height = height, .kept = all, .least = 1};
}

/* The kept window's share that lies in the scaled part, and at least one pixel of it. */
static window kept_inside(const image_view *v) {
    int top = v->kept.top, left = v->kept.left, bottom = top + v->kept.height, right = left + v->kept.width;
    top = top < 0 ? 0 : top < v->height ? top : v->height - 1;
    left = left < 0 ? 0 : left < v->width ? left : v->width - 1;
    bottom = bottom > v->height ? v->height : bottom > top ? bottom : top + 1;
    right = right > v->width ? v->width : right > left ? right : left + 1;
    return (window){top, left, bottom - top, right - left};
}

static scaling columns(const image_view *v, int eighths) {
    window inside = kept_inside(v);
    return scaling_make(v->part.left * eighths / 8.0, v->part.width * eighths / 8.0, v->width, inside.left, inside.width);
}

static scaling rows(const image_view *v, int eighths) {
    window inside = kept_inside(v);
    return scaling_make(v->part.top * eighths / 8.0, v->part.height * eighths / 8.0, v->height, inside.top, inside.height);
}

int view_eighths(const image_view *v) {
    int64_t width = 8 * (int64_t)v->least * v->width, height = 8 * (int64_t)v->least * v->height;
    int eighths = 1;
    while (eighths < 8 && (v->part.width * eighths < width || v->part.height * eighths < height))
        eighths *= 2;
    return eighths;
}

image_region view_region(const image_view *v, int eighths) {
    scaling x = columns(v, eighths), y = rows(v, eighths);
    int left, right, top, bottom;
    scaling_input(&x, &left, &right);
    scaling_input(&y, &top, &bottom);
    return (image_region){eighths, {top, left, bottom - top, right - left}};
}

void view_apply(const image_view *v, image *im, image_region held, image *spare) {
    scaling x = columns(v, held.eighths), y = rows(v, held.eighths);
    window inside = kept_inside(v);
    if (scaling_is_plain(&x) && scaling_is_plain(&y)) {
        image_crop(im, spare,
                   (window){y.start + v->kept.top - held.part.top, x.start + v->kept.left - held.part.left, v->kept.height, v->kept.width});
        return;
    }
    image_scale_axes(im, spare, &x, &y, held.part.left, held.part.top);
    if (memcmp(&v->kept, &inside, sizeof inside) != 0)
        image_crop(im, spare, (window){v->kept.top - inside.top, v->kept.left - inside.left, v->kept.height, v->kept.width});
}

void image_scale(image *im, image *spare, int width, int height) {
    image_view v = view_whole(im->width, im->height);
    v.width = width;
    v.height = height;
    v.kept = (window){0, 0, height, width};
    view_apply(&v, im, (image_region){8, v.part}, spare);
}
