#!/usr/bin/python3
"""Writes transforms.h: what torchvision's transforms make of small drawn pictures (Pillow), for tests/unit/test_transform.c.

Usage: make_transforms.py > transforms.h      (needs Debian's python3-torchvision and python3-pil)
"""
import numpy as np
import torch
import torchvision
import torchvision.transforms.functional as F
from PIL import Image


def picture(width, height, channels):
    """The same formula as draw() in test_transform.c."""
    y, x, c = np.mgrid[0:height, 0:width, 0:channels]
    v = (x * 7 + y * 13 + c * 29 + (x * y) % 31 * 5 + (x // 5 + y // 3) % 2 * 60) % 256
    v = v.astype(np.uint8)
    return Image.fromarray(v if channels == 3 else v[:, :, 0])


BILINEAR = F.InterpolationMode.BILINEAR
CASES = [
    ("resize_down", (45, 37, 3), lambda im: F.resize(im, 13, BILINEAR)),
    ("resize_up", (11, 9, 3), lambda im: F.resize(im, 14, BILINEAR)),
    ("resize_tall_grey", (33, 70, 1), lambda im: F.resize(im, 10, BILINEAR)),
    ("resize_one_side", (16, 48, 3), lambda im: F.resized_crop(im, 0, 0, 48, 16, (11, 16), BILINEAR)),
    ("crop_scaled", (45, 37, 3), lambda im: F.resized_crop(im, 3, 7, 29, 35, (12, 12), BILINEAR)),
    ("center_odd", (45, 38, 1), lambda im: F.center_crop(im, 17)),
    ("center_even", (42, 39, 1), lambda im: F.center_crop(im, 16)),
    ("center_padded", (11, 24, 1), lambda im: F.center_crop(im, 16)),
    ("padded", (9, 8, 1), lambda im: F.crop(F.pad(im, 3), 1, 5, 10, 10)),
]
# Windows that random_resized_crop falls back to where no draw can fit: (width, height, ratio) -> (top, left, height, width)
FALLBACKS = [(100, 20, (0.75, 4 / 3)), (21, 90, (0.75, 4 / 3)), (50, 49, (1.5, 2.0)), (37, 50, (0.75, 0.8))]


def fallback(width, height, ratio):
    """With a scale that no window can have, every try fails."""
    return torchvision.transforms.RandomResizedCrop.get_params(torch.zeros(3, height, width), [2.0, 2.0], list(ratio))


print(f"/* Made by make_transforms.py with torchvision {torchvision.__version__.split('+')[0]}, Pillow {Image.__version__}. */")
for name, size, function in CASES:
    out = function(picture(*size))
    values = np.asarray(out).reshape(-1)
    print(f"static const unsigned char golden_{name}[] = {{ /* {out.height} x {out.width} */")
    for i in range(0, len(values), 32):
        print("    " + ",".join(str(v) for v in values[i:i + 32]) + ",")
    print("};")
print("static const struct {\n    int width, height;\n    double ratio[2];\n    int top, left, part_height, part_width;\n} golden_fallbacks[] = {")
for width, height, ratio in FALLBACKS:
    print(f"    {{{width}, {height}, {{{ratio[0]!r}, {ratio[1]!r}}}, " + ", ".join(str(v) for v in fallback(width, height, ratio)) + "},")
print("};")
