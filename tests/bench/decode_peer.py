#!/usr/bin/python3
"""Pillow and torchvision on the pictures of a packed set, as `bench_decode` works: pictures a second on one thread.

Usage: decode_peer.py SET.h5 SECONDS [SIZE [jitter]]      (SIZE, 224 where it is left out, is that of the crop)
The files' bytes are in memory before the clock starts, and the result stays a Pillow picture: no conversion to a tensor is counted.
"""
import io
import sys
import time

import h5py
import torch
from PIL import Image
from torchvision import transforms

path, seconds = sys.argv[1], float(sys.argv[2])
size = int(sys.argv[3]) if len(sys.argv) > 3 else 224
steps = [transforms.RandomResizedCrop(size, interpolation=transforms.InterpolationMode.BILINEAR), transforms.RandomHorizontalFlip()]
if sys.argv[4:] == ["jitter"]:
    steps.append(transforms.ColorJitter(0.4, 0.4, 0.4, 0.1))
augment = transforms.Compose(steps)
torch.set_num_threads(1)
with h5py.File(path) as f:
    data, offsets = f["encoded/bytes"][()].tobytes(), f["encoded/offsets"][()]
records = [data[a:b] for a, b in zip(offsets[:-1], offsets[1:])]

start, done = time.perf_counter(), 0
while done < len(records) or time.perf_counter() - start < seconds:
    augment(Image.open(io.BytesIO(records[done % len(records)])).convert("RGB"))
    done += 1
print(f"{done / (time.perf_counter() - start):.1f}")
