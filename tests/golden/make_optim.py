#!/usr/bin/python3
"""Writes optim.h: what torch.optim.SGD makes of four parameters in five steps, in float32, for tests/unit/test_optim.c.

The parameters are a weight, a bias, and a batch norm's weight and bias; values and gradients are functions of their place, which
test_optim.c computes too.

Usage: make_optim.py > optim.h      (needs Debian's python3-torch)
"""
import torch

SIZES = {"conv.weight": 6, "conv.bias": 2, "bn.weight": 3, "bn.bias": 3}
CASES = {  # momentum, nesterov, weight decay of weights, of batch norms, of other biases
    "plain": (0.0, False, 0.0, 0.0, 0.0),
    "decay": (0.0, False, 0.1, 0.1, 0.1),
    "momentum": (0.9, False, 0.01, 0.01, 0.01),
    "nesterov": (0.9, True, 0.05, 0.0, 0.02),
}
LR = [0.1, 0.1, 0.05, 0.05, 0.2]


def value(place):
    return ((place * 37) % 19 - 9) / 8


def grad(place, step):
    return ((place * 11 + step * 5) % 23 - 11) / 16


def run(momentum, nesterov, weight, norm, bias):
    params, place = {}, 0
    for name, size in SIZES.items():
        params[name] = torch.nn.Parameter(torch.tensor([value(place + i) for i in range(size)], dtype=torch.float32))
        place += size
    decay = {"conv.weight": weight, "conv.bias": bias, "bn.weight": norm, "bn.bias": norm}
    sgd = torch.optim.SGD([{"params": [p], "weight_decay": decay[k]} for k, p in params.items()], lr=LR[0], momentum=momentum,
                          nesterov=nesterov)
    for step, lr in enumerate(LR):
        place = 0
        for p in params.values():
            p.grad = torch.tensor([grad(place + i, step) for i in range(p.numel())], dtype=torch.float32)
            place += p.numel()
        for group in sgd.param_groups:
            group["lr"] = lr
        sgd.step()
    return torch.cat([p.detach() for p in params.values()]).tolist()


print(f"/* Made by make_optim.py with PyTorch {torch.__version__}. */")
print("#include <stdbool.h>\n")
print(f"static const double golden_lr[] = {{{', '.join(map(str, LR))}}};\n")
print("static const struct golden {\n    const char *name;\n    double momentum;\n    bool nesterov;")
print("    double weight_decay, norm_weight_decay, bias_weight_decay;\n    float values[14];\n} golden[] = {")
for name, case in CASES.items():
    momentum, nesterov, *decays = case
    values = [f"{v:.9g}f" if "." in f"{v:.9g}" else f"{v:.9g}.0f" for v in run(*case)]
    rows = [", ".join(values[i:i + 7]) for i in range(0, len(values), 7)]
    print(f'    {{"{name}", {momentum}, {str(nesterov).lower()}, {", ".join(map(str, decays))},')
    print("     {" + ",\n      ".join(rows) + "}},")
print("};")
