#!/usr/bin/python3
"""What torchvision's networks hold, as rows of C tables for tests/unit/test_models.c.

    tests/golden/make_models.py tests/golden
        models.inc   model, classes, tensors of the state_dict, parameters, CRC-32 of the text `NAME SIZE SIZE …\\n` over the tensors in order
        init.inc     model, tensor, elements, standard deviation and largest absolute value after PyTorch's initialisation
"""
import sys
import zlib

import torch
import torchvision

NAMES = [f"vgg{n}{norm}" for norm in ("", "_bn") for n in (11, 13, 16, 19)] + [f"resnet{n}" for n in (18, 34, 50, 101, 152)]
OUR_LENET = dict(conv1=torch.nn.Conv2d(1, 6, 5), conv2=torch.nn.Conv2d(6, 16, 5),
                 fc1=torch.nn.Linear(400, 120), fc2=torch.nn.Linear(120, 84), fc3=torch.nn.Linear(84, 10))


def network(name, classes, **options):
    return getattr(torchvision.models, name)(weights=None, num_classes=classes, **options)


def contents(name, classes):
    net = network(name, classes, **({"init_weights": False} if name.startswith("vgg") else {}))
    state = net.state_dict()
    text = "".join(" ".join([key, *map(str, value.shape)]) + "\n" for key, value in state.items())
    parameters = sum(p.numel() for p in net.parameters())
    return f'{{"{name}", {classes}, {len(state)}, {parameters}, 0x{zlib.crc32(text.encode()):08x}}},'


def beginnings(name, state):
    """One row a tensor of floats that is large enough for statistics, or that is constant."""
    for key, value in state.items():
        if value.is_floating_point() and (value.numel() >= 100 or value.min() == value.max()):
            yield f'{{"{name}", "{key}", {value.numel()}, {value.std():.6g}, {value.abs().max():.6g}}},'


def write(path, rows):
    with open(path, "w") as f:
        f.write(f"/* made by tests/golden/make_models.py with torchvision {torchvision.__version__} */\n")
        f.writelines(row + "\n" for row in rows)


folder = sys.argv[1]
torch.manual_seed(1)
write(f"{folder}/models.inc", [contents(name, 1000) for name in NAMES] + [contents("resnet50", 7), contents("vgg11_bn", 7)])
write(f"{folder}/init.inc", [
    *beginnings("lenet5", torch.nn.ModuleDict(OUR_LENET).state_dict()),
    *beginnings("vgg11_bn", network("vgg11_bn", 10).state_dict()),
    *(row for row in beginnings("resnet18", network("resnet18", 10).state_dict()) if "layer" not in row or "layer2.0" in row),
    *(row for row in beginnings("resnet50", network("resnet50", 10).state_dict()) if "layer2.0" in row),
])
