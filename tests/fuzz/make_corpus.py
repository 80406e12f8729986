#!/usr/bin/python3
"""The seeds of the fuzzed readers: small files of each kind. usage: make_corpus.py FOLDER (they are committed as corpus/)"""
import gzip
import io
import os
import struct
import sys
import tarfile
import zlib

import h5py
import numpy as np
from PIL import Image

job = b"""name: x
model: {name: resnet20, classes: 7}
data: {train: t.h5, val: null, shuffle: {block: 8}, mean: [0.5], std: [0.25], augment: [random_crop: {size: 32, padding: 4}, hflip: {p: 0.5}]}
train: {epochs: 2, batch: 16, lanes: 4, seed: 3, label_smoothing: 0.1, sync_batchnorm: lane}
optimizer: {name: sgd, lr: 0.1, momentum: 0.9, nesterov: true, weight_decay: 1e-4}
schedule: {name: step, step_epochs: 1, gamma: 0.1, warmup_epochs: 1}
init: {from: w.h5, freeze: ["conv*"], replace_head: true}
checkpoint: {every_epochs: 1, every_seconds: 600, keep: 3}
"""

rng = np.random.default_rng(1)
pixels = rng.integers(0, 40, (12, 16, 3)).astype(np.uint8) + np.arange(16, dtype=np.uint8)[:, None] * 8


def encoded(kind, mode="RGB", **options):
    out = io.BytesIO()
    picture = Image.fromarray(pixels)
    picture = Image.fromarray(pixels[:, :, 0].astype(np.uint16) * 200) if mode == "I;16" else picture.convert(mode)
    picture.save(out, kind, **options)
    return out.getvalue()


def tiles():
    """A TIFF file in tiles, each sample in tiles of its own."""
    places = {256: 20, 257: 18, 258: 16, 259: 1, 262: 1, 277: 2, 284: 2, 322: 16, 323: 16, 324: 8, 325: 8}
    data, at = bytes(range(256)) * 16, 8 + 4096
    tables = struct.pack("<8I", *range(8, 8 + 8 * 512, 512)) + struct.pack("<8I", *[512] * 8)
    behind = at + 2 + 12 * len(places) + 4
    directory = b""
    for tag, value in places.items():
        many = {258: (3, 2, 16 << 16 | 16), 324: (4, 8, behind), 325: (4, 8, behind + 32)}.get(tag, (3, 1, value))
        directory += struct.pack("<HHII", tag, *many)
    return b"II*\0" + struct.pack("<I", at) + data + struct.pack("<H", len(places)) + directory + bytes(4) + tables


def exif(endian, value, kind=3):
    e = {"II": "<", "MM": ">"}[endian]
    head = endian.encode() + struct.pack(e + "HI", 42, 8)
    return head + struct.pack(e + "HHHI", 1, 0x112, kind, 1) + \
        struct.pack(e + ("HH" if kind == 3 else "I"), *([value, 0] if kind == 3 else [value])) + bytes(4)


def text(values):
    return np.array([v.encode() for v in values], dtype="S8")


def h5(fill):
    """The smallest file that h5py makes of it."""
    out = io.BytesIO()
    with h5py.File(out, "w", libver="earliest") as f:
        fill(f)
    return out.getvalue()


def data_set(f):
    f.attrs.update(format=np.bytes_("shoal-dataset"), version=np.int64(1), task=np.bytes_("classification"))
    f["labels"] = np.array([0, 1, 0, 1], np.int32)
    f["classes"] = text(("cod", "eel"))


def plain_set(f):
    data_set(f)
    f.attrs.update(mean=np.float32([0.4]), std=np.float32([0.2]))
    images = rng.integers(0, 256, (4, 4, 4, 1)).astype(np.uint8)
    f["images"] = images
    f["crc32"] = np.array([zlib.crc32(x.tobytes()) for x in images], np.uint32)


def encoded_set(f):
    data_set(f)
    f.attrs.update(mean=np.float32([0.4] * 3), std=np.float32([0.2] * 3))
    files = [encoded("JPEG", quality=30)] * 2 + [encoded("PNG", "L")] * 2
    f["encoded/bytes"] = np.frombuffer(b"".join(files), np.uint8)
    f["encoded/offsets"] = np.cumsum([0] + [len(x) for x in files]).astype(np.uint64)
    f["crc32"] = np.array([zlib.crc32(x) for x in files], np.uint32)


def checkpoint(version):
    def fill(f):
        f.attrs.update(format=np.bytes_("shoal-checkpoint"), version=np.int64(version))
        for name in ("model/fc.weight", "model/fc.bias", "optimizer/momentum_buffer/fc.weight"):
            values = rng.random((2, 3) if "weight" in name else 2).astype(np.float32)
            f[name] = values
            f[name].attrs["crc32"] = np.uint32(zlib.crc32(values.tobytes()))
        f["model/bn.num_batches_tracked"] = np.int64(4)
        f["job"] = np.bytes_(job)
        if version > 1:
            f["jobs/step"], f["jobs/yaml"] = np.int64([0]), np.array([job])
            f["history/step"], f["history/metric"], f["history/value"] = np.int64([3]), text(["top1"]), np.float64([0.5])
        f["classes"] = text(("cod", "eel"))
        best = {"best_top1": np.float64(0.5)} if version == 1 else {"best_metric": np.bytes_("top1"), "best_value": np.float64(0.5)}
        more = {} if version == 1 else {"updates": np.int64(6), "lr_factor": np.float64(1), "rollbacks": np.int64(0)}
        f.create_group("trainer").attrs.update(step=np.int64(6), epoch=np.int64(1), lanes=np.int64(4), batch=np.int64(8), seed=np.uint64(1),
                                               best_step=np.int64(3), data_fingerprint=np.uint64(7), **best, **more)
        f.create_group("input").attrs.update(image=np.int64([4, 4, 1]), mean=np.float32([0.5] * 3), std=np.float32([0.2] * 3))
    return h5(fill)


def matlab():
    def element(kind, data):
        return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)

    def matrix(kind, sizes, name, content):
        return element(14, element(6, struct.pack("<II", kind, 0)) +
                       element(5, struct.pack(f"<{len(sizes)}i", *sizes)) + element(1, name) + content)
    names = b"".join(n.ljust(32, b"\0") for n in (b"ILSVRC2012_ID", b"WNID"))
    cells = b"".join(matrix(6, (1, 1), b"", element(9, struct.pack("<d", i))) + matrix(4, (1, 9), b"", element(4, w.encode("utf-16-le")))
                     for i, w in ((1, "n01440764"), (2, "n01443537")))
    body = matrix(2, (2, 1), b"synsets", element(5, struct.pack("<i", 32)) + element(1, names) + cells)
    head = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<HH", 0x100, 0x4D49)
    return head + body, head + struct.pack("<II", 15, len(zlib.compress(body))) + zlib.compress(body)


def archive(members, **options):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", **options) as t:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            t.addfile(info, io.BytesIO(data))
    return out.getvalue().rstrip(b"\0") + bytes(1024)


idx_pictures = struct.pack(">IIII", 0x803, 3, 4, 5) + bytes(range(60))
idx_labels = struct.pack(">II", 0x801, 3) + bytes((0, 1, 9))
tar = archive({"a/n01440764_1.JPEG": b"picture", "b.txt": b""})

corpus = {
    "job": {"whole": job, "overrides": b"model: {name: lenet5}\ndata: {train: a}\n--- override\ntrain.lanes=2\n--- override\noptimizer={name: sgd, lr: 1}",
            "anchors": b"name: &a x\nmodel: {name: *a}\n"},
    "dataset": {"plain": h5(plain_set), "encoded": h5(encoded_set)},
    "checkpoint": {"1": checkpoint(1), "2": checkpoint(2)},
    "idx": {"plain": idx_pictures + b"\n--- labels\n" + idx_labels,
            "zipped": gzip.compress(idx_pictures, mtime=0) + b"\n--- labels\n" + gzip.compress(idx_labels, mtime=0)},
    "cifar": {"10": b"\0" + b"".join(bytes([i]) + bytes(1024) * 3 for i in range(2)) + b"\n--- names\na\nb\nc\n",
              "100": b"\1" + b"".join(bytes([1, i]) + bytes(1024) * 3 for i in range(2)) + b"\n--- names\nsea\nsand\n"},
    "tar": {"plain": b"\0" + tar, "zipped": b"\1" + gzip.compress(tar, mtime=0), "within": b"\0" + archive({"x.tar": tar}),
            "pax": b"\0" + archive({"long/" * 30 + "x": b"1"}, format=tarfile.PAX_FORMAT),
            "gnu": b"\0" + archive({"long/" * 30 + "x": b"1"}, format=tarfile.GNU_FORMAT)},
    "synsets": dict(zip(("plain", "packed"), matlab())),
    "picture": {"rgb.jpg": encoded("JPEG", quality=40), "progressive.jpg": encoded("JPEG", quality=40, progressive=True),
                "grey.jpg": encoded("JPEG", "L"), "cmyk.jpg": encoded("JPEG", "CMYK"), "turned.jpg": encoded("JPEG", exif=b"Exif\0\0" + exif("II", 6)),
                "rgb.png": encoded("PNG"), "palette.png": encoded("PNG", "P"), "alpha.png": encoded("PNG", "RGBA"),
                "bits.png": encoded("PNG", "1"), "turned.png": encoded("PNG", "L", exif=exif("MM", 8)),
                "rgb.tif": encoded("TIFF"), "turned.tif": encoded("TIFF", tiffinfo={274: 6}), "palette.tif": encoded("TIFF", "P", compression="packbits"),
                "lzw.tif": encoded("TIFF", "RGBA", compression="tiff_lzw"), "deflated.tif": encoded("TIFF", "CMYK", compression="tiff_adobe_deflate"),
                "jpeg.tif": encoded("TIFF", "YCbCr", compression="jpeg"), "fax.tif": encoded("TIFF", "1", compression="group4"),
                "real.tif": encoded("TIFF", "F"), "wide.tif": encoded("TIFF", "I;16", compression="tiff_lzw"), "tiles.tif": tiles(),
                "rgb.webp": encoded("WEBP", quality=40), "alpha.webp": encoded("WEBP", "RGBA", lossless=True, exif=exif("II", 6)),
                "frames.webp": encoded("WEBP", save_all=True, append_images=[Image.new("RGB", (16, 12))]),
                "rgb.ppm": encoded("PPM"), "bits.pbm": encoded("PPM", "1"), "wide.pgm": b"P5 2 2 999\n" + bytes(range(8)),
                "text.ppm": b"P3 #\n2 1 9 1 2 3 4 5 6\n", "text.pbm": b"P1\n3 2 101 010\n"},
    "exif": {"little": exif("II", 6), "big": b"Exif\0\0" + exif("MM", 3), "long": exif("II", 5, 4)},
    "command_line": {"train": b"train\njob.yaml\ntrain.batch=3\n--out\nx\n--resume\na.h5", "bench": b"bench\n--model\nresnet50\n--batch=4\n--steps\n5",
                     "pack": b"pack\nfolder\na\nb\n--seed\n3\n--val-share=0.2", "predict": b"predict\na.h5\nb.jpg\n--top\n3", "inspect": b"inspect\n--verify\na"},
    "csv": {"labels": b"\x01path,label\na.png,cod\nb.png,\"eel, \"\"grey\"\"\"\n", "several": b"\x21\xef\xbb\xbfpath,tags\r\na.png,x|y\r\nb.png,\r\n",
            "flags": b"\x19path,x,y\na.png,0,1\nb.png,1,1.0\n", "numbers": b"\x01p,v\na, 1.5\nb,-3e4", "ragged": b"\x01p,v\na,1,2\n"},
    "lists": {"csv": b"ImageId,PredictionString\nILSVRC2012_val_00000001,n01440764 1 2 3 4\nILSVRC2012_val_00000002,n02085620\n--- truth\n1\n3\n",
              "caffe": b"a/x.JPEG 1\na/y.JPEG 2\r\n"},
}
for reader, seeds in corpus.items():
    os.makedirs(f"{sys.argv[1]}/{reader}", exist_ok=True)
    for name, data in seeds.items():
        with open(f"{sys.argv[1]}/{reader}/{name}", "wb") as f:
            f.write(data)
