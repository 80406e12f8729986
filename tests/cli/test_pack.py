#!/usr/bin/python3
"""Files of `shoal pack`, read by h5py and compared with their sources: bytes, labels, zlib's CRC, numpy's mean and std, Pillow's pixels.
The real sets are used where SHOAL_SHARED has them; sources made here are always used."""
import gzip
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
import zlib

try:
    import h5py
    import numpy as np
    from PIL import Image
except ImportError as e:
    print(f"skipped: {e}")
    sys.exit(77)

warnings.simplefilter("ignore")
Image.MAX_IMAGE_PIXELS = 1 << 28
SHOAL = os.environ.get("SHOAL_BIN") or os.path.join(os.path.dirname(__file__), "../../build/bin/shoal")
SHARED = os.path.join(os.environ.get("SHOAL_SHARED", "/nonexistent"), "data")


def shoal(*words, code=0):
    done = subprocess.run([SHOAL, *words], capture_output=True, text=True)
    assert done.returncode == code, f"shoal {' '.join(words)}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def sums(pictures):
    """mean and std of x/255 over all pixels: exact sums first."""
    n, total, squares = 0, 0, 0
    for p in pictures:
        p = p.reshape(-1, p.shape[-1]).astype(np.int64)
        n, total, squares = n + len(p), total + p.sum(0), squares + (p * p).sum(0)
    total, squares = [np.array([int(v) for v in s], dtype=object) for s in (total, squares)]
    variance = np.array([float(v) for v in n * squares - total * total]) / float(n * n)
    return np.array([float(v) for v in total]) / n / 255, np.sqrt(variance) / 255


def check_common(f, n, classes):
    assert f.attrs["format"] == b"shoal-dataset" and f.attrs["version"] == 1 and f.attrs["task"] == b"classification"
    assert f["labels"].dtype == np.int32 and f["labels"].shape == (n,), f["labels"]
    assert f["crc32"].dtype == np.uint32 and f["crc32"].shape == (n,), f["crc32"]
    assert [c.decode() for c in f["classes"][:]] == classes
    assert f.attrs["mean"].dtype == np.float32 and f.attrs["std"].dtype == np.float32


def check_statistics(f, pictures):
    for name, expected in zip(("mean", "std"), sums(pictures)):
        assert np.abs(f.attrs[name] - expected).max() < 1e-7, (name, f.attrs[name], expected)


def check_images(path, images, labels, classes):
    with h5py.File(path) as f:
        check_common(f, len(images), classes)
        d = f["images"]
        assert d.dtype == np.uint8 and d.shape == images.shape and d.chunks is None
        assert np.array_equal(d[:], images) and np.array_equal(f["labels"][:], labels)
        assert f["crc32"][:].tolist() == [zlib.crc32(x.tobytes()) for x in images]
        check_statistics(f, images)
        with open(path, "rb") as raw:
            raw.seek(d.id.get_offset())
            assert raw.read(images.nbytes) == images.tobytes(), "not at its offset"


def pixels(path):
    """As Pillow: RGB; of 16-bit grey the high byte, where there is anything in one."""
    with Image.open(path) as im:
        if im.size[0] * im.size[1] > 1 << 28:
            raise ValueError("too large")
        im.load()
        if im.mode == "I":
            grey = np.array(im)
            return np.stack([grey if grey.max() < 256 else grey >> 8] * 3, -1).astype(np.uint8)
        return np.array(im.convert("RGB"))


def check_encoded(path, files, classes):
    """files: (path, label), in any order within a class. Returns them in the set's order."""
    with h5py.File(path) as f:
        check_common(f, len(files), classes)
        d, offsets = f["encoded/bytes"], f["encoded/offsets"][:]
        assert d.dtype == np.uint8 and d.chunks is None and offsets.dtype == np.uint64
        assert offsets[0] == 0 and offsets[-1] == d.shape[0] and len(offsets) == len(files) + 1
        whole = d[:].tobytes()
        records = [whole[a:b] for a, b in zip(offsets[:-1], offsets[1:])]
        assert f["crc32"][:].tolist() == [zlib.crc32(r) for r in records]
        expected = sorted((open(p, "rb").read(), label) for p, label in files)
        assert sorted(zip(records, f["labels"][:].tolist())) == expected
        check_statistics(f, [pixels(p) for p, _ in files])
        return records


def walk(folder):
    return sorted(os.path.join(d, n) for d, _, names in os.walk(folder, followlinks=True) for n in names)


def read_idx(path, header):
    with gzip.open(path) as f:
        return np.frombuffer(f.read()[header:], np.uint8)


def test_mnist(work):
    source = f"{SHARED}/mnist"
    shoal("pack", "mnist", source, f"{work}/mnist")
    for split, stem in (("train", "train"), ("val", "t10k")):
        images = read_idx(f"{source}/{stem}-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28, 1)
        check_images(f"{work}/mnist/{split}.h5", images, read_idx(f"{source}/{stem}-labels-idx1-ubyte.gz", 8), [str(i) for i in range(10)])


def test_cifar10(work):
    source = f"{SHARED}/cifar10/cifar-10-batches-bin"
    names = open(f"{source}/batches.meta.txt").read().split()
    shoal("pack", "cifar10", source, f"{work}/cifar10")
    for split, files in (("train", ("data_batch_1", "data_batch_2")), ("val", ("test_batch",))):
        raw = np.concatenate([np.fromfile(f"{source}/{n}.bin", np.uint8) for n in files]).reshape(-1, 3073)
        images = np.ascontiguousarray(raw[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
        check_images(f"{work}/cifar10/{split}.h5", images, raw[:, 0], names)


def test_folder(work):
    source = f"{SHARED}/hymenoptera/hymenoptera_320"
    shoal("pack", "folder", source, f"{work}/ants", "--strict")
    for split in ("train", "val"):
        files = [(p, c) for c, n in enumerate(("ants", "bees")) for p in walk(f"{source}/{split}/{n}")]
        records = check_encoded(f"{work}/ants/{split}.h5", files, ["ants", "bees"])
        assert records == [open(p, "rb").read() for p, _ in files], "not in name order"


# What Pillow opens and Shoal does not: other formats. And the other way round: damage outside of the pixels, as torn EXIF data.
ONLY_PILLOW = {"webp_named.jpg", "hopper.webp", "imageNotFound.gif"}
NOT_PILLOW = {"png_decompression_dos.png", "truncated_exif_dpi.jpg", "unknown_compression_method.png"}


def pillow_can(path):
    try:
        pixels(path)
        return True
    except Exception:
        return False


def test_odd_images(work):
    source = f"{SHARED}/odd-images/odd-images"
    files = walk(source)
    good = [p for p in files if os.path.basename(p) not in NOT_PILLOW | ONLY_PILLOW and pillow_can(p)]
    bad = [p for p in files if p not in good and os.path.basename(p) not in NOT_PILLOW and not p.endswith(".tsv")]
    os.makedirs(f"{work}/odd/one")
    for p in good + bad:
        shutil.copy(p, f"{work}/odd/one/{os.path.basename(p)}")
    said = shoal("pack", "folder", f"{work}/odd", f"{work}/odd-out", "--val-share", "0")
    assert f"{len(bad)} pictures could not be decoded and were skipped" in said, said
    for p in bad:
        assert os.path.basename(p) + ":" in said, p
    check_encoded(f"{work}/odd-out/train.h5", [(p, 0) for p in good], ["one"])
    assert not os.path.exists(f"{work}/odd-out/val.h5")


def make_pictures(folder, count):
    """Pictures of every PNG mode and of JPEG; returns their paths."""
    rng = np.random.default_rng(3)
    os.makedirs(folder)
    for i in range(count):
        h, w = rng.integers(1, 40, 2)
        mode = ("RGB", "RGBA", "L", "LA", "P", "1", "I;16", "CMYK")[i % 8]
        channels = {"RGB": 3, "RGBA": 4, "LA": 2, "CMYK": 4}.get(mode, 1)
        a = rng.integers(0, 65536 if mode == "I;16" else 256, (h, w, channels)).astype(np.uint16 if mode == "I;16" else np.uint8).squeeze(-1) \
            if channels == 1 else rng.integers(0, 256, (h, w, channels)).astype(np.uint8)
        if mode in ("P", "1"):
            im = Image.fromarray(a).convert(mode)
        else:
            im = Image.fromarray(a, mode)
        im.save(f"{folder}/{i}.{'jpg' if mode == 'CMYK' or i % 16 == 0 else 'png'}")
    return walk(folder)


def test_made_pictures(work):
    files = [(p, c) for c, n in enumerate(("Zebra", "ant", "über")) for p in make_pictures(f"{work}/made/{n}", 32)]
    shoal("pack", "folder", f"{work}/made", f"{work}/made-out", "--val-share", "0", "--strict")
    check_encoded(f"{work}/made-out/train.h5", files, ["Zebra", "ant", "über"])
    shoal("pack", "folder", f"{work}/made", f"{work}/split", "--val-share", "0.25", "--seed", "9")
    sizes = []
    for split in ("train", "val"):
        with h5py.File(f"{work}/split/{split}.h5") as f:
            sizes.append(np.bincount(f["labels"][:]).tolist())
    assert sizes == [[24, 24, 24], [8, 8, 8]], sizes
    shoal("pack", "folder", f"{work}/made", f"{work}/again", "--val-share", "0.25", "--seed", "9")
    for split in ("train", "val"):
        assert open(f"{work}/split/{split}.h5", "rb").read() == open(f"{work}/again/{split}.h5", "rb").read(), "not the same bits again"


def test_other_storage(work):
    """Files of other programs: small tables may be stored in any way, pictures not."""
    images = np.random.default_rng(1).integers(0, 256, (30, 8, 8, 3)).astype(np.uint8)

    def write(path, compressed=(), version=1):
        with h5py.File(path, "w") as f:
            f.attrs.update({"format": np.bytes_("shoal-dataset"), "version": version, "task": "classification"})
            f.attrs["mean"] = f.attrs["std"] = np.array([0.5] * 3, np.float32)
            tables = {"images": images, "labels": (np.arange(30) % 2).astype(">i4" if "labels" in compressed else "<i4"),
                      "crc32": np.array([zlib.crc32(x.tobytes()) for x in images], np.uint32),
                      "classes": np.array(["a", "b"], dtype="S3")}
            for name, data in tables.items():
                f.create_dataset(name, data=data, **({"compression": "gzip"} if name in compressed else {}))
    write(f"{work}/other.h5", ("labels", "crc32"))
    said = shoal("inspect", f"{work}/other.h5", "--pictures", f"{work}/look", "--count", "30")
    assert len(walk(f"{work}/look")) == 30, said
    write(f"{work}/other.h5", ("images",))
    assert "contiguously" in shoal("inspect", f"{work}/other.h5", code=65)


failed = 0
for name, test in list(globals().items()):
    if not name.startswith("test_"):
        continue
    if test in (test_mnist, test_cifar10, test_folder, test_odd_images) and not os.path.isdir(SHARED):
        print(f"{name}: skipped, SHOAL_SHARED has no data")
        continue
    with tempfile.TemporaryDirectory() as folder:
        try:
            test(folder)
            print(f"{name}: ok")
        except AssertionError as e:
            failed += 1
            print(f"{name}: FAILED, line {e.__traceback__.tb_next.tb_lineno if e.__traceback__.tb_next else e.__traceback__.tb_lineno}: {e}")
sys.exit(1 if failed else 0)
