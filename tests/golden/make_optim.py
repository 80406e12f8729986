#!/usr/bin/python3
"""Writes optim.h: what PyTorch's optimisers make of four parameters in ten steps, for tests/unit/test_optim.c: the truth in float64, and how
far PyTorch's own float32 strays from it.

The parameters are a weight, a bias, and a batch norm's weight and bias; values and gradients are functions of their place, which
test_optim.c computes too. An optimiser more is some rows of CASES.

Usage: make_optim.py > optim.h      (needs Debian's python3-torch)
"""
import torch

SIZES = {"conv.weight": 6, "conv.bias": 2, "bn.weight": 3, "bn.bias": 3}
NO = (0.0, 0.0, 0.0)
CASES = {  # the optimiser in PyTorch and in a job, its options, weight decay of weights, of batch norms, of other biases[, clip_grad]
    "sgd, plain": (torch.optim.SGD, "sgd", {}, NO),
    "sgd, decay": (torch.optim.SGD, "sgd", {}, (0.1, 0.1, 0.1)),
    "sgd, momentum": (torch.optim.SGD, "sgd", {"momentum": 0.9}, (0.01, 0.01, 0.01)),
    "sgd, nesterov": (torch.optim.SGD, "sgd", {"momentum": 0.9, "nesterov": True}, (0.05, 0.0, 0.02)),
    "sgd, clipped": (torch.optim.SGD, "sgd", {"momentum": 0.9}, (0.01, 0.01, 0.01), 1.3),
    "adamw, plain": (torch.optim.AdamW, "adamw", {"betas": (0.9, 0.999), "eps": 1e-8}, NO),
    "adamw, decay": (torch.optim.AdamW, "adamw", {"betas": (0.9, 0.999), "eps": 1e-8}, (0.1, 0.0, 0.05)),
    "adamw, betas": (torch.optim.AdamW, "adamw", {"betas": (0.95, 0.7), "eps": 1e-3}, (0.01, 0.01, 0.01)),
    "adamw, amsgrad": (torch.optim.AdamW, "adamw", {"betas": (0.8, 0.9), "eps": 1e-8, "amsgrad": True}, (0.01, 0.0, 0.0), 0.5),
}
LR = [0.1, 0.1, 0.05, 0.05, 0.2, 0.2, 0.01, 0.1, 0.02, 0.05]


def value(place):
    return ((place * 37) % 19 - 9) / 8


def grad(place, step):
    return ((place * 11 + step * 5) % 23 - 11) / 16


def run(kind, options, decays, clip_grad, dtype):
    params, place = {}, 0
    for name, size in SIZES.items():
        params[name] = torch.nn.Parameter(torch.tensor([value(place + i) for i in range(size)], dtype=dtype))
        place += size
    weight, norm, bias = decays
    decay = {"conv.weight": weight, "conv.bias": bias, "bn.weight": norm, "bn.bias": norm}
    optimizer = kind([{"params": [p], "weight_decay": decay[k]} for k, p in params.items()], lr=LR[0], **options)
    for step, lr in enumerate(LR):
        place = 0
        for p in params.values():
            p.grad = torch.tensor([grad(place + i, step) for i in range(p.numel())], dtype=dtype)
            place += p.numel()
        for group in optimizer.param_groups:
            group["lr"] = lr
        if clip_grad:
            torch.nn.utils.clip_grad_norm_(params.values(), clip_grad)
        optimizer.step()
    return torch.cat([p.detach() for p in params.values()]).double()


def row(name, value):
    pair = value if isinstance(value, tuple) else (float(value), 0.0)
    return f'{{"{name}", {{{pair[0]!r}, {pair[1]!r}}}}}'


print(f"/* Made by make_optim.py with PyTorch {torch.__version__}. */")
print('#include "../unit/make_options.h"\n')
print(f"static const double golden_lr[] = {{{', '.join(map(str, LR))}}};\n")
print("static const struct golden {\n    const char *name, *optimizer;\n    made_option options[4];")
print("    double weight_decay, norm_weight_decay, bias_weight_decay, clip_grad;")
print("    double stray; /* most that PyTorch's float32 strays */\n    double values[14];\n} golden[] = {")
for name, (kind, ours, options, decays, *clip) in CASES.items():
    clip_grad = clip[0] if clip else 0.0
    truth = run(kind, options, decays, clip_grad, torch.float64)
    stray = (run(kind, options, decays, clip_grad, torch.float32) - truth).abs().max().item()
    values = [f"{v:.17g}" if "." in f"{v:.17g}" else f"{v:.17g}.0" for v in truth.tolist()]
    print(f'    {{"{name}", "{ours}", {{{", ".join([row(k, v) for k, v in options.items()] + ["{NULL, {0}}"])}}}, '
          f'{", ".join(map(str, decays))}, {clip_grad}, {stray:.9g},')
    rows = [", ".join(values[i:i + 5]) for i in range(0, len(values), 5)]
    print("     {" + ",\n      ".join(rows) + "}},")
print("};")
