#!/usr/bin/python3
"""Files of `shoal pack`, read by h5py and compared with their sources: bytes, labels, zlib's CRC, numpy's mean and std, Pillow's pixels.
The real sets are used where SHOAL_SHARED has them; sources made here are always used."""
import gzip
import os
import re
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
ONLY_PILLOW = {"imageNotFound.gif"}
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
    said = shoal("pack", "folder", f"{work}/odd", f"{work}/odd-out", "--val-share", "0", "--lenient")
    assert f"{len(bad)} pictures of {len(good + bad)} left out" in said and f"odd/one: {len(bad)} of {len(good + bad)} pictures cannot be decoded" in said, said
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


def put(path, seed, form="PNG"):
    """A picture of its own."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (5, 6, 3)).astype(np.uint8)).save(path, form)


def put_classes(root, names=("cod", "eel"), count=4, seed=0):
    for c, name in enumerate(names):
        for i in range(count):
            put(f"{root}/{name}/{i}.png", 1000 * seed + 100 * c + i)


def refused(pattern, code, *words):
    done = subprocess.run([SHOAL, *words], capture_output=True, text=True)
    lines = [line for line in done.stderr.strip().split("\n") if not line.startswith("warning: ")]
    assert done.returncode == code and len(lines) == 1 and re.search(pattern, lines[0]), (done.returncode, done.stderr, pattern)


def classes_of(path):
    with h5py.File(path) as f:
        return [c.decode() for c in f["classes"][:]], np.bincount(f["labels"][:]).tolist()


def test_what_is_no_class(work):
    """What systems leave behind, empty folders, files by content: listed, and no classes."""
    root = f"{work}/in"
    put_classes(root)
    for name in (".ipynb_checkpoints/a.png", "__MACOSX/cod/._1.png", "cod/.ipynb_checkpoints/0.png"):
        put(f"{root}/{name}", 50)
    os.makedirs(f"{root}/empty")
    for name in (".DS_Store", "readme.txt", "cod/Thumbs.db", "cod/notes.txt"):
        with open(f"{root}/{name}", "w") as f:
            f.write("some text")
    for i, (name, form) in enumerate((("noending", "PNG"), ("a.txt", "JPEG"), ("UPPER.JPE", "PNG"), ("x.jfif", "JPEG"))):
        put(f"{root}/eel/{name}", 60 + i, form)
    os.mkfifo(f"{root}/eel/pipe.png")
    refused("in/empty: a class without pictures: .*--leave-out empty.*--lenient", 65, "pack", "folder", root, f"{work}/out")
    said = shoal("pack", "folder", root, f"{work}/out", "--val-share", "0", "--lenient")
    assert classes_of(f"{work}/out/train.h5") == (["cod", "eel"], [4, 8]), said
    assert re.search(r"^all +cod +4  1 file that is no picture: notes.txt; 2 hidden or a system's$", said, re.M), said
    assert re.search(r"^all +eel +8  1 file that is no picture: pipe.png$", said, re.M), said
    for what in (".DS_Store (hidden)", "__MACOSX (a system's)", ".ipynb_checkpoints (hidden)", "readme.txt (no picture)", "empty (no pictures in it)"):
        assert what in said.split("left out of ")[1], (what, said)


def test_what_cannot_be_looked_at(work):
    """Names too long for the system stand for all that it may say of an entry: no class is passed over for it. The line is cut."""
    put_classes(f"{work}/set")
    deep = work + "/." * ((4095 - len(f"{work}/set/cod")) // 2 + 1) + "/set"
    refused("^shoal: ", 74, "pack", "folder", deep, f"{work}/out")
    os.symlink("nowhere", f"{work}/set/cod/link.jpg")
    shoal("pack", "folder", f"{work}/set", f"{work}/out", "--val-share", "0")


def test_few_are_left_out(work):
    """One of a hundred may be left out, and no more; all formats go into one set, from folders as deep as they are."""
    root, pack = f"{work}/in", ("pack", "folder", f"{work}/in", f"{work}/out", "--val-share", "0")
    forms = {"png": "PNG", "jpg": "JPEG", "tif": "TIFF", "webp": "WEBP", "ppm": "PPM"}
    for i in range(99):
        ending = list(forms)[i % 5]
        put(f"{root}/{('cod', 'eel/2021/may')[i % 2]}/{i}.{ending}", i, forms[ending])
    open(f"{root}/cod/torn.png", "w").close()
    said = shoal(*pack)
    assert "cod/torn.png: the file is empty; left out" in said and "cod: 1 of 51 pictures cannot be decoded" in said, said
    assert "1 picture of 100 left out" in said and classes_of(f"{work}/out/train.h5") == (["cod", "eel"], [50, 49]), said
    check_encoded(f"{work}/out/train.h5", [(p, p.startswith(f"{root}/eel")) for p in walk(root) if "torn" not in p], ["cod", "eel"])
    open(f"{root}/eel/torn.png", "w").close()
    refused("in: 2 pictures of 101 cannot be decoded, more than one in 100", 65, *pack)
    refused("cod/torn.png: the file is empty", 65, *pack, "--strict")


def test_layouts(work):
    """Splits by their known names, in any case; doubt is refused, and the remedy helps."""
    pack = ("pack", "folder")
    put_classes(f"{work}/a/Train"), put_classes(f"{work}/a/validation", count=2, seed=1), put(f"{work}/a/test/1.png", 3)
    said = shoal(*pack, f"{work}/a", f"{work}/a-out")
    assert classes_of(f"{work}/a-out/val.h5") == (["cod", "eel"], [2, 2]) and "test (no folders of classes in it)" in said, said
    put_classes(f"{work}/b/training"), put_classes(f"{work}/b/Test", count=2, seed=1)
    shoal(*pack, f"{work}/b", f"{work}/b-out")
    assert classes_of(f"{work}/b-out/val.h5")[1] == [2, 2]
    put_classes(f"{work}/b/val", count=2, seed=2)
    assert "Test (another split is taken for val)" in shoal(*pack, f"{work}/b", f"{work}/b-out")
    put_classes(f"{work}/b/valid", count=2, seed=2)
    refused("val and valid may both be the split: .*--leave-out valid", 65, *pack, f"{work}/b", f"{work}/b-out")
    shoal(*pack, f"{work}/b", f"{work}/b-out", "--leave-out", "valid,Test")
    refused("--leave-out x: nothing of that name", 64, *pack, f"{work}/b", f"{work}/b-out", "--leave-out", "valid,Test,x")
    put(f"{work}/b/ray/1.png", 9)
    refused("ray holds pictures and lies beside splits", 65, *pack, f"{work}/b", f"{work}/b-out", "--leave-out", "valid")

    put_classes(f"{work}/c/valid")
    refused("has valid but no train", 65, *pack, f"{work}/c", f"{work}/c-out")
    put_classes(f"{work}/d/archive"), put_classes(f"{work}/d/more", seed=3)
    refused(r"hold pictures only in folders of their own \(archive/cod/0.png\): .*--deep", 65, *pack, f"{work}/d", f"{work}/d-out")
    shoal(*pack, f"{work}/d", f"{work}/d-out", "--deep", "--val-share", "0")
    assert classes_of(f"{work}/d-out/train.h5") == (["archive", "more"], [8, 8])
    put_classes(f"{work}/e", ("train", "test"), 10)
    refused("name of a split, but holds pictures.*--no-splits", 65, *pack, f"{work}/e", f"{work}/e-out")
    shoal(*pack, f"{work}/e", f"{work}/e-out", "--no-splits")
    put_classes(f"{work}/f", ("train", "car"), 10)  # a class may be called so
    shoal(*pack, f"{work}/f", f"{work}/f-out")
    assert classes_of(f"{work}/f-out/train.h5")[0] == ["car", "train"]
    put(f"{work}/f/cover.jpg", 1)
    refused("1 picture lies beside the folders of classes .cover.jpg.: .*--leave-out 'cover.jpg'", 65, *pack, f"{work}/f", f"{work}/f-out")
    shoal(*pack, f"{work}/f", f"{work}/f-out", "--leave-out", "cover.jpg")
    put_classes(f"{work}/g", ("one",), 10)
    assert "one class only, one" in shoal(*pack, f"{work}/g", f"{work}/g-out")
    with open(f"{work}/job.yaml", "w") as f:
        f.write(f"name: x\nmodel: {{name: resnet20}}\ndata: {{train: {work}/g-out/train.h5, augment: [resize: {{size: 32}}, center_crop: {{size: 32}}]}}\n"
                "train: {epochs: 1, batch: 8, lanes: 8}\noptimizer: {name: sgd, lr: 0.1}\n")
    refused('has one class only, "one"', 65, "train", f"{work}/job.yaml", "--out", f"{work}/run")


def test_class_names(work):
    """Text that can be read, or refused; no line can be forged."""
    for name, ok in ((b"caf\xe9", False), (b"evil\nshoal: done", False), (b"\x1b[31m", False), ("quote' \" ☃".encode(), True)):
        root = os.path.join(work.encode(), b"names")
        shutil.rmtree(root, ignore_errors=True)
        for c in (name, b"eel"):
            os.makedirs(os.path.join(root, c))
            for i in range(3):
                put(f"{work}/p.png", len(c) * 10 + i)
                os.rename(f"{work}/p.png", os.path.join(root, c, b"%d.png" % i))
        if ok:
            shoal("pack", "folder", f"{work}/names", f"{work}/out", "--val-share", "0")
            assert name.decode() in classes_of(f"{work}/out/train.h5")[0]
        else:
            refused("the name of class . is no UTF-8 or has control characters", 65, "pack", "folder", f"{work}/names", f"{work}/out")


def test_duplicates(work):
    """The same bytes in both splits, under two classes, twice in one: counted and said."""
    put_classes(f"{work}/in/train"), put_classes(f"{work}/in/val", seed=1, count=2)
    shutil.copy(f"{work}/in/train/cod/0.png", f"{work}/in/val/cod/again.png")
    shutil.copy(f"{work}/in/train/cod/1.png", f"{work}/in/train/eel/other.png")
    shutil.copy(f"{work}/in/train/cod/2.png", f"{work}/in/train/cod/twice.png")
    said = shoal("pack", "folder", f"{work}/in", f"{work}/out")
    for where, path in (("in train and in val", "val/cod/again"), ("under different classes", "eel/other"), ("in one class", "cod/twice")):
        assert re.search(f"1 picture is there more than once, {where}: .*{path}.png$", said, re.M), (where, said)


def test_output_is_owned(work):
    """What an earlier packing made is replaced as a whole; what is foreign is left alone, or refused."""
    out, words = f"{work}/out", ("pack", "folder", f"{work}/in")
    put_classes(f"{work}/in", count=20)

    def ids():
        return {n: h5py.File(f"{out}/{n}").attrs["pack_id"] for n in sorted(os.listdir(out)) if n.endswith(".h5")}
    shoal(*words, out)
    first = ids()
    assert list(first) == ["train.h5", "val.h5"] and first["train.h5"] == first["val.h5"], first
    shoal(*words, f"{work}/again")
    assert ids() == first
    shoal(*words, f"{work}/other", "--seed", "2")
    os.rename(f"{work}/other/val.h5", f"{out}/val.h5")
    job = f"name: x\nmodel: {{name: resnet20}}\ndata: {{train: {out}/train.h5, val: {out}/val.h5, " \
          "augment: [resize: {size: 32}, center_crop: {size: 32}], eval: [resize: {size: 32}, center_crop: {size: 32}]}\n" \
          "train: {epochs: 1, batch: 8, lanes: 8}\noptimizer: {name: sgd, lr: 0.1}\n"
    with open(f"{work}/job.yaml", "w") as f:
        f.write(job)
    refused("train.h5 and .*val.h5 are of two packings", 65, "train", f"{work}/job.yaml", "--out", f"{work}/run")
    with open(f"{out}/notes.txt", "w") as f:
        f.write("mine")
    with open(f"{out}/.train.h5-77.tmp", "w") as f:
        f.write("of a packing that was killed")
    assert "val.h5: removed" in shoal(*words, out, "--val-share", "0")
    assert sorted(os.listdir(out)) == ["notes.txt", "train.h5"], os.listdir(out)
    with h5py.File(f"{out}/val.h5", "w") as f:  # by hand
        f.attrs["format"] = "shoal-dataset"
    refused("val.h5 is there already, and this packing makes none", 64, *words, out, "--val-share", "0")
    assert os.path.exists(f"{out}/val.h5")
    shoal(*words, out)
    with h5py.File(f"{out}/train.h5", "w") as f:
        f["results"] = 1
    refused("train.h5 is there already, and is no data set of Shoal's", 64, *words, out)


def idx(path, array, magic=None, gz=False):
    head = np.array([magic or 0x800 + array.ndim, *array.shape], ">u4").tobytes()
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with (gzip.open if gz else open)(path, "wb") as f:
        f.write(head + array.tobytes())


def put_mnist(folder, names, gz=False, classes=10):
    rng = np.random.default_rng(8)
    for split, n in (("train", 12), ("test", 5)):
        idx(f"{folder}/{names[split + '-images']}", rng.integers(0, 256, (n, 4, 4)).astype(np.uint8), gz=gz)
        idx(f"{folder}/{names[split + '-labels']}", (np.arange(n) * 7 % classes).astype(np.uint8), gz=gz)


def names_of(pattern, test="t10k"):
    return {f"{s}-{k}": pattern.format(split=s if s == "train" else test, kind=k, n=3 if k == "images" else 1)
            for s in ("train", "test") for k in ("images", "labels")}


def test_mnist_names(work):
    """MNIST under its other names, and below the folders that torchvision makes."""
    usual, dot = names_of("{split}-{kind}-idx{n}-ubyte"), names_of("{split}-{kind}.idx{n}-ubyte")
    emnist = names_of("emnist-letters-{split}-{kind}-idx{n}-ubyte.gz", "test")
    for i, (below, names) in enumerate((("", usual), ("", dot), ("MNIST/raw", usual), ("raw", dot), ("", emnist))):
        root = f"{work}/in{i}"
        put_mnist(f"{root}/{below}", names, "gz" in names["test-images"], 27 if names is emnist else 10)
        shoal("pack", "mnist", root, f"{work}/out{i}")
        assert len(classes_of(f"{work}/out{i}/val.h5")[0]) == (27 if names is emnist else 10)
    put_mnist(f"{work}/in4", names_of("emnist-digits-{split}-{kind}-idx{n}-ubyte.gz", "test"), True)
    refused('several sets, "emnist-.*--set', 65, "pack", "mnist", f"{work}/in4", f"{work}/x")
    shoal("pack", "mnist", f"{work}/in4", f"{work}/x", "--set", "emnist-digits")
    qmnist = {k: f"qmnist-{k}-idx3-ubyte.gz" if "images" in k else f"qmnist-{k}-idx2-int.gz" for k in usual}
    put_mnist(f"{work}/q", qmnist, True)
    for split, n in (("train", 12), ("test", 5)):
        rows = np.zeros((n, 8), ">i4")
        rows[:, 0] = np.arange(n) % 10
        idx(f"{work}/q/{qmnist[split + '-labels']}", rows, 0xC02, True)
    shoal("pack", "mnist", f"{work}/q", f"{work}/q-out")
    with h5py.File(f"{work}/q-out/val.h5") as f:
        assert f["labels"][:].tolist() == [0, 1, 2, 3, 4]

    path = f"{work}/in0/{usual['train-images']}"
    whole = open(path, "rb").read()
    for content, pattern in ((whole[:-1], "train-images-idx3-ubyte: truncated"), (whole + b"x", "longer than its header"),
                             (b"\0\0\x0d\3" + whole[4:], "not an IDX file"), (whole[:4] + b"\xff" * 4 + whole[8:], "truncated: its header says 4294967295 x 16 bytes"),
                             (whole[:8] + b"\xff" * 8 + whole[16:], "4294967295 x 4294967295"), (gzip.compress(whole)[:60], "truncated|labels"),
                             (b"", "truncated")):
        with open(path, "wb") as f:
            f.write(content)
        refused(pattern, 65, "pack", "mnist", f"{work}/in0", f"{work}/y")
    assert not os.path.exists(f"{work}/y/train.h5")


def test_cifar_elsewhere(work):
    for kind, make, pattern in (("cifar10", "cifar-10-batches-py/data_batch_1", "version for Python"), ("cifar10", "data_batch_1", "version for Python"),
                                ("cifar100", "cifar-100-python/meta", "version for Python"), ("cifar10", "cifar-10-binary.tar.gz", "is not unpacked"),
                                ("cifar10", "cifar-100-binary/test.bin", "holds cifar100, not cifar10")):
        root = f"{work}/{kind}-{make.replace('/', '-')}"
        os.makedirs(os.path.dirname(f"{root}/{make}"))
        open(f"{root}/{make}", "w").close()
        refused(pattern, 65, "pack", kind, root, f"{work}/out")


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
