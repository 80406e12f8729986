#!/usr/bin/python3
"""Writes ops.json: what PyTorch, in float64, makes of made-up numbers: outputs and gradients, for tests/unit/test_ops_golden.c.

Usage: make_ops.py > ops.json      (needs Debian's python3-torch)
"""
import json
import sys

import torch
import torch.nn.functional as F


def number(stream, i):
    """The same function as number() in tests/unit/ops_harness.h."""
    m = 0xFFFFFFFF
    z = (stream * 1000003 + i & m) * 2654435761 & m
    z = (z ^ z >> 15) * 2246822519 & m
    z = (z ^ z >> 13) * 3266489917 & m
    z ^= z >> 16
    return (z >> 8) * 2.0**-23 - 1


def numbers(stream, *size):
    count = torch.Size(size).numel()
    return torch.tensor([number(stream, i) for i in range(count)], dtype=torch.float64).reshape(size)


def conv(oc, k, s, p, d, groups):
    def run(x, w):
        return F.conv2d(x[0], w[0], w[1], s, p, d, groups)
    return ["conv2d", [oc, *k, *s, *p, *d, groups, 1]], run, lambda c: [(oc, c // groups, *k), (oc,)]


def linear(out):
    return ["linear", [out, 1]], lambda x, w: F.linear(x[0].flatten(1), w[0], w[1]), lambda c: [(out, c), (out,)]


def norm(relu):
    def run(x, w):
        y = F.batch_norm(x[0], None, None, w[0], w[1], True, 0.1, 1e-5)
        y = y + x[1] if len(x) > 1 else y
        return F.relu(y) if relu else y
    return ["batch_norm", [int(relu)]], run, lambda c: [(c,), (c,)]


def max_pool(k, s, p, ceil):
    return ["max_pool2d", [*k, *s, *p, int(ceil), 0]], lambda x, w: F.max_pool2d(x[0], k, s, p, 1, ceil), None


def avg_pool(k, s, p, ceil, include):
    return ["avg_pool2d", [*k, *s, *p, int(ceil), int(include)]], lambda x, w: F.avg_pool2d(x[0], k, s, p, ceil, include), None


def adaptive(h, w):
    return ["adaptive_avg_pool2d", [h, w]], lambda x, _: F.adaptive_avg_pool2d(x[0], (h, w)), None


def flatten():
    return ["flatten", []], lambda x, w: x[0].flatten(1), None


def cross_entropy(smoothing):
    labels = torch.tensor([3, 0, 6])
    return ["softmax_cross_entropy", [smoothing]], \
        lambda x, w: F.cross_entropy(x[0].flatten(1), labels, reduction="none", label_smoothing=smoothing), None


CASES = [
    ((3, [(4, 9, 8)]), conv(6, (3, 2), (2, 1), (1, 2), (1, 2), 1)),
    ((3, [(3, 11, 11)]), conv(5, (7, 7), (2, 2), (3, 3), (1, 1), 1)),
    ((2, [(6, 5, 7)]), conv(9, (3, 3), (1, 1), (1, 1), (1, 1), 3)),
    ((2, [(5, 6, 5)]), conv(10, (3, 3), (2, 2), (1, 1), (1, 1), 5)),
    ((3, [(7, 4, 4)]), conv(3, (1, 1), (1, 1), (0, 0), (1, 1), 1)),
    ((3, [(11, 1, 1)]), linear(5)),
    ((3, [(5, 4, 3)]), norm(False)),
    ((3, [(5, 4, 3)]), norm(True)),
    ((2, [(3, 5, 5), (3, 5, 5)]), norm(True)),
    ((2, [(3, 8, 7)]), max_pool((3, 3), (2, 2), (1, 1), False)),
    ((2, [(3, 8, 7)]), max_pool((3, 2), (2, 3), (1, 0), True)),
    ((2, [(3, 8, 7)]), avg_pool((3, 3), (2, 2), (1, 1), True, True)),
    ((2, [(3, 8, 7)]), avg_pool((3, 2), (2, 3), (1, 1), True, False)),
    ((2, [(3, 7, 5)]), adaptive(3, 4)),
    ((2, [(3, 5, 4)]), flatten()),
    ((3, [(7, 1, 1)]), cross_entropy(0.0)),
    ((3, [(7, 1, 1)]), cross_entropy(0.1)),
]


def rounded(t):
    return [float(f"{v:.9g}") for v in t.flatten().tolist()]


def main():
    out = []
    for (n, inputs), ((op, attrs), run, params) in CASES:
        x = [numbers(i + 1, n, *size).requires_grad_() for i, size in enumerate(inputs)]
        w = [numbers(i + 20, *size).requires_grad_() for i, size in enumerate(params(inputs[0][0]))] if params else []
        y = run(x, w)
        # a loss's gradient is that of the mean over a batch of 5 samples; others are weighted with numbers
        seed = torch.full_like(y, 1 / 5) if op == "softmax_cross_entropy" else numbers(40, *y.shape)
        (y * seed).sum().backward()
        out.append({"op": op, "attrs": attrs, "n": n, "in": inputs, "y": rounded(y),
                    "dx": [rounded(v.grad) for v in x], "dw": [rounded(v.grad) for v in w]})
    json.dump({"torch": torch.__version__, "cases": out}, sys.stdout, separators=(",", ":"))
    print()


main()
