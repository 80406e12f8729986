#!/usr/bin/python3
"""Tiny data sets, whole and damaged, and pictures: make_data.py DIR. Written with h5py, not with Shoal."""
import os
import struct
import sys
import zlib

import h5py
import numpy as np

SIZE, COUNT, CLASSES = 32, 40, 4


def write_set(path, count=COUNT, change=lambda f: None):
    rng = np.random.default_rng(count)
    labels = (np.arange(count) % CLASSES).astype(np.int32)
    images = rng.integers(0, 256, (count, SIZE, SIZE, 3)).astype(np.uint8)
    images[:, :16, :16, 0] = (labels * 60)[:, None, None]  # something to learn
    with h5py.File(path, "w") as f:
        f.attrs["format"] = "shoal-dataset"
        f.attrs["version"] = 1
        f.attrs["task"] = "classification"
        f.attrs["mean"] = (images / 255).mean((0, 1, 2)).astype(np.float32)
        f.attrs["std"] = (images / 255).std((0, 1, 2)).astype(np.float32)
        f["images"] = images
        f["labels"] = labels
        f["classes"] = np.array(["cod", "eel", "ray", "tuna"], dtype=h5py.string_dtype())
        f["crc32"] = np.array([zlib.crc32(x.tobytes()) for x in images], np.uint32)
        change(f)


def relabel(label):
    def change(f):
        f["labels"][7] = label
    return change


def drop(name):
    def change(f):
        del f[name]
    return change


def set_attribute(name, value):
    def change(f):
        f.attrs[name] = value
    return change


def spoil_pixel(f):
    f["images"][7, 3, 3, 0] ^= 1


def shorten_labels(f):
    labels = f["labels"][:-1]
    del f["labels"]
    f["labels"] = labels


def png(path, rng):
    pixels = rng.integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8)
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", SIZE, SIZE, 8, 2, 0, 0, 0))
                + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def make(folder):
    os.makedirs(folder, exist_ok=True)
    damages = {
        "label-high": relabel(CLASSES), "label-negative": relabel(-1), "crc": spoil_pixel, "no-labels": drop("labels"),
        "no-images": drop("images"), "short-labels": shorten_labels, "version": set_attribute("version", 99),
        "task": set_attribute("task", "knitting"), "format": set_attribute("format", "other"),
    }
    write_set(f"{folder}/train.h5")
    write_set(f"{folder}/val.h5", 13)
    for name, change in damages.items():
        write_set(f"{folder}/{name}.h5", change=change)
    whole = open(f"{folder}/train.h5", "rb").read()
    open(f"{folder}/truncated.h5", "wb").write(whole[:len(whole) // 2])
    open(f"{folder}/empty.h5", "wb").write(b"")
    open(f"{folder}/text.h5", "w").write("this is no HDF5 file\n" * 100)
    with h5py.File(f"{folder}/foreign.h5", "w") as f:
        f["temperature"] = np.arange(12, dtype=np.float32)
    rng = np.random.default_rng(1)
    for kind in ("cod", "eel"):
        os.makedirs(f"{folder}/pictures/{kind}", exist_ok=True)
        for i in range(10):
            png(f"{folder}/pictures/{kind}/{i}.png", rng)
    open(f"{folder}/pictures/cod/broken.png", "wb").write(open(f"{folder}/pictures/cod/1.png", "rb").read()[:200])
    open(f"{folder}/pictures/eel/page.jpg", "w").write("<html></html>\n")


make(sys.argv[1])
