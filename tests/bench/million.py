#!/usr/bin/python3
"""A data set as large as ImageNet in everything but pixels: 1,281,167 tiny JPEG files, 1000 classes.

    million.py make SET.h5 [RECORDS]      writes it, with h5py (about 0.9 GB)
    million.py run SHOAL SET.h5 [KEY=VALUE …]   trains lenet5 on it for a few steps: seconds until the first step is done, and the most
                                          memory that the process ever had, which bounds what its loader holds
"""
import io
import json
import os
import subprocess
import sys
import tempfile
import time
import zlib

RECORDS, CLASSES, KINDS, AT_ONCE = 1281167, 1000, 997, 1 << 16

JOB = """name: million
model: {{name: lenet5}}
data: {{train: {path}, augment: [random_resized_crop: {{size: 32}}, hflip: {{}}]}}
train: {{epochs: 1, batch: 256, lanes: 8, max_steps: 40}}
optimizer: {{lr: 0.01}}
log: {{every_steps: 1}}
"""


def make(path, records=RECORDS):
    import h5py
    import numpy as np
    from PIL import Image
    rng = np.random.default_rng(1)
    kinds = []
    for _ in range(KINDS):
        out = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, (32, 32, 3)).astype(np.uint8)).save(out, "jpeg", quality=10)
        kinds.append(out.getvalue())
    chosen = rng.integers(0, KINDS, records)
    sizes = np.array([len(k) for k in kinds], np.uint64)
    offsets = np.concatenate([[0], np.cumsum(sizes[chosen])]).astype(np.uint64)
    with h5py.File(path, "w") as f:
        f.attrs.update({"format": "shoal-dataset", "version": 1, "task": "classification"})
        f.attrs["mean"] = np.array([0.485, 0.456, 0.406], np.float32)
        f.attrs["std"] = np.array([0.229, 0.224, 0.225], np.float32)
        f["classes"] = np.array([f"n{i:08}" for i in range(CLASSES)], dtype=h5py.string_dtype())
        f["labels"] = rng.integers(0, CLASSES, records).astype(np.int32)
        f["crc32"] = np.array([zlib.crc32(k) for k in kinds], np.uint32)[chosen]
        f["encoded/offsets"] = offsets
        data = f.create_dataset("encoded/bytes", (int(offsets[-1]),), np.uint8)
        for first in range(0, records, AT_ONCE):
            piece = b"".join(kinds[k] for k in chosen[first:first + AT_ONCE])
            data[int(offsets[first]):int(offsets[first]) + len(piece)] = np.frombuffer(piece, np.uint8)


def run(shoal, path, overrides):
    with tempfile.TemporaryDirectory() as folder:
        job = f"{folder}/job.yaml"
        open(job, "w").write(JOB.format(path=os.path.abspath(path)))
        start, first = time.time(), None
        process = subprocess.Popen([shoal, "train", job, "--out", f"{folder}/run", *overrides], stdout=subprocess.PIPE, text=True)
        for line in process.stdout:
            if first is None and line.startswith("Epoch"):
                first = time.time() - start
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"shoal train ended with {process.returncode}")
        steps = [json.loads(line) for line in open(f"{folder}/run/metrics.jsonl")]
        data = sorted(s["data_s"] for s in steps if s["event"] == "step")
        print(f"first step done after {first:.2f} s; most memory {usage.ru_maxrss / 1024:.0f} MB; "
              f"median data_s {data[len(data) // 2]:.4f}")


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2], *map(int, sys.argv[3:]))
    else:
        run(sys.argv[2], sys.argv[3], sys.argv[4:])
