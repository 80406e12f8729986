#!/usr/bin/python3
"""PyTorch's accuracy with the recipe of jobs/resnet20-cifar10.yaml, on a data set that `shoal pack` made; the figure that Shoal's is held against.

usage: torch_resnet20.py DATA_DIR [--epochs 12] [--seed 1] [--threads 1]
"""
import argparse, math, time

import h5py, numpy as np, torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    """He et al. 2015, section 4.2, with option A shortcuts."""

    def __init__(self, inside, outside, stride):
        super().__init__()
        self.stride, self.pad = stride, (outside - inside) // 2
        self.conv1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outside)
        self.conv2 = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outside)

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.stride > 1:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.pad, self.pad))
        return F.relu(y + x)


def resnet20(classes):
    blocks = []
    for stage in range(3):
        for block in range(3):
            narrows = stage > 0 and block == 0
            blocks.append(Block(8 << stage if narrows else 16 << stage, 16 << stage, 2 if narrows else 1))
    net = nn.Sequential(nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                        nn.Linear(64, classes))
    for m in net.modules():
        if isinstance(m, nn.Conv2d):
            nn.init.kaiming_normal_(m.weight)
    return net


def crop_and_flip(x):
    """Random 32 x 32 crops with 4 black pixels around, and mirrors, of uint8 pictures [n, 3, 32, 32]."""
    padded, n = F.pad(x, (4, 4, 4, 4)), len(x)
    top, left, mirror = torch.randint(0, 9, (n,)), torch.randint(0, 9, (n,)), torch.rand(n) < 0.5
    crops = torch.stack([padded[i, :, top[i]:top[i] + 32, left[i]:left[i] + 32] for i in range(n)])
    crops[mirror] = crops[mirror].flip(3)
    return crops


def main():
    p = argparse.ArgumentParser()
    p.add_argument("data")
    for name, value in (("epochs", 12), ("seed", 1), ("threads", 1), ("batch", 128)):
        p.add_argument(f"--{name}", type=int, default=value)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    sets = {}
    for part in ("train", "val"):
        with h5py.File(f"{a.data}/{part}.h5") as f:
            sets[part] = torch.from_numpy(f["images"][()]).permute(0, 3, 1, 2).contiguous(), torch.from_numpy(f["labels"][()]).long()
            if part == "train":
                mean, std = (torch.from_numpy(f.attrs[k]).view(1, 3, 1, 1) for k in ("mean", "std"))
    normalise = lambda x: ((x.float() / 255 - mean) / std).contiguous(memory_format=torch.channels_last)
    net = resnet20(10).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    images, labels = sets["train"]
    steps = len(images) // a.batch
    start = time.time()
    for epoch in range(a.epochs):
        net.train()
        order = torch.randperm(len(images))
        for step in range(steps):
            optimizer.param_groups[0]["lr"] = 0.05 * (1 + math.cos(math.pi * (epoch * steps + step) / (a.epochs * steps)))
            ids = order[step * a.batch:(step + 1) * a.batch]
            optimizer.zero_grad()
            F.cross_entropy(net(normalise(crop_and_flip(images[ids]))), labels[ids]).backward()
            optimizer.step()
        net.eval()
        with torch.no_grad():
            hits = sum((net(normalise(x)).argmax(1) == y).sum().item() for x, y in zip(*(t.split(500) for t in sets["val"])))
        print(f"epoch {epoch}  Acc@1 {100 * hits / len(sets['val'][0]):.2f}  {time.time() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
