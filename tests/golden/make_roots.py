#!/usr/bin/python3
"""Writes roots.h: the gradients of two weighted losses on one trunk, as PyTorch computes them in float64, for tests/unit/test_roots.c.

Pictures, weights and labels are functions of their place, which test_roots.c computes too. The second loss is a mean in which samples
have weights, as in torch.nn.CrossEntropyLoss(weight).

Usage: make_roots.py > roots.h      (needs Debian's python3-torch)
"""
import torch
from torch.nn.functional import cross_entropy, linear

SAMPLES, INPUTS, TRUNK, FIRST, SECOND = 7, 6, 5, 3, 4
SHARES = (0.75, 0.4)


def value(place):
    return ((place * 37) % 19 - 9) / 16


def tensor(*shape):
    count = torch.Size(shape).numel()
    made = torch.tensor([value(tensor.place + i) for i in range(count)], dtype=torch.float64).reshape(shape)
    tensor.place += count
    return made.requires_grad_()


tensor.place = 0
x = torch.tensor([(i * 53) % 256 for i in range(SAMPLES * INPUTS)], dtype=torch.float64).reshape(SAMPLES, INPUTS) / 255
x = (x - 0.5) / 0.25
trunk, trunk_bias = tensor(TRUNK, INPUTS), tensor(TRUNK)
first, first_bias = tensor(FIRST, TRUNK), tensor(FIRST)
second, second_bias = tensor(SECOND, TRUNK), tensor(SECOND)
labels = torch.tensor([i % FIRST for i in range(SAMPLES)])
others = torch.tensor([(3 * i) % SECOND for i in range(SAMPLES)])
weights = torch.tensor([0.25 * (i % 4) for i in range(SAMPLES)], dtype=torch.float64)

h = torch.relu(linear(x, trunk, trunk_bias))
a = cross_entropy(linear(h, first, first_bias), labels)
each = cross_entropy(linear(h, second, second_bias), others, reduction="none")
b = (each * weights).sum() / weights.sum()
(SHARES[0] * a + SHARES[1] * b).backward()

print(f"/* Made by make_roots.py with PyTorch {torch.__version__}. */")
print(f"static const double golden_shares[] = {{{SHARES[0]}, {SHARES[1]}}};")
print(f"static const double golden_losses[] = {{{a.item():.17g}, {b.item():.17g}}};")
print("static const double golden_grads[] = {")
for p in (trunk, trunk_bias, first, first_bias, second, second_bias):
    print("    " + ", ".join(f"{g:.9g}" for g in p.grad.flatten().tolist()) + ",")
print("};")
