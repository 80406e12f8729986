#!/usr/bin/python3
"""shoal pack imagenet on a small imitation of the ILSVRC2012 archives, real photographs and odd pictures in it: the set is the same for any
number of ranks and after kills, holds the archives' bytes, and its mean is Pillow's; and what is said of bad sources and full disks."""
import collections
import fnmatch
import glob
import hashlib
import io
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import warnings
import zlib

try:
    import h5py
    import numpy as np
    import scipy.io
    from PIL import Image, ImageOps
except ImportError as e:
    print(f"skipped: {e}")
    sys.exit(77)

warnings.simplefilter("ignore")
SHOAL = os.environ.get("SHOAL_BIN") or os.path.join(os.path.dirname(__file__), "../../build/bin/shoal")
SHARED = os.path.join(os.environ.get("SHOAL_SHARED", "/nonexistent"), "data")
PHOTOS, ODD = f"{SHARED}/imagenette-sample/imagenette224", f"{SHARED}/odd-images/odd-images"
if not os.path.isdir(PHOTOS) or not os.path.isdir(ODD):
    print("skipped: SHOAL_SHARED has no photographs")
    sys.exit(77)
ENVIRONMENT = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", OMP_NUM_THREADS="1")
MPIRUN = [os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../slurm/launch.sh")]
NOT_PILLOW = {"png_decompression_dos.png", "truncated_exif_dpi.jpg", "unknown_compression_method.png"}  # damage beside the pixels
SIZE = ["--file-size", "500kB"]


def command(ranks, *words):
    return [*(MPIRUN + [str(ranks)] if ranks > 1 else []), SHOAL, *map(str, words)]


def shoal(*words, ranks=1, threads=1, code=0, before=None):
    """What it says; it has to end with that exit code."""
    done = subprocess.run(command(ranks, *words), capture_output=True, text=True, preexec_fn=before, timeout=120,
                          env=dict(ENVIRONMENT, OMP_NUM_THREADS=str(threads)))
    assert done.returncode == code, f"shoal {' '.join(map(str, words))}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
    if code:
        lines = done.stderr.strip().split("\n")
        assert len(lines) == 1 and lines[0].startswith("shoal: "), f"not one line: {done.stderr}"
    return done.stdout + done.stderr


def refused(pattern, code, *words, **how):
    said = shoal(*words, code=code, **how)
    assert re.search(pattern, said), f"no /{pattern}/ in: {said}"


# ---- the imitation ----

def tar_of(files):
    """files: (name, bytes); a tar as bytes, and where each member's bytes begin is the reader's to find out."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as t:
        for name, data in files:
            info = tarfile.TarInfo("./" + name if name.endswith("7.JPEG") else name)
            info.size = len(data)
            t.addfile(info, io.BytesIO(data))
    return out.getvalue()


def read(path):
    with open(path, "rb") as f:
        return f.read()


def pictures():
    """{wnid: [(name, bytes)]} of train, with the odd pictures in one class; [(wnid, bytes)] of val in a random order."""
    train, val = {}, []
    for folder in sorted(os.listdir(f"{PHOTOS}/train")):
        wnid = folder.split("_")[0]
        train[wnid] = [(n, read(f"{PHOTOS}/train/{folder}/{n}")) for n in sorted(os.listdir(f"{PHOTOS}/train/{folder}"))]
        val += [(wnid, read(p)) for p in sorted(glob.glob(f"{PHOTOS}/val/{folder}/*"))]
    odd = sorted(p for p in glob.glob(f"{ODD}/*/*") if os.path.basename(p) not in NOT_PILLOW)
    train["n03028079"] += [(os.path.basename(p), read(p)) for p in odd]
    random.Random(1).shuffle(val)
    return train, val


def write_meta(path, ids, compressed):
    """The devkit's table: a struct array with more in it than is needed, and a class that is no leaf."""
    table = np.zeros((len(ids) + 1, 1), dtype=[(n, "O") for n in ("ILSVRC2012_ID", "WNID", "words", "gloss", "num_children")])
    for i, (wnid, number) in enumerate(ids.items()):
        table[i, 0] = (np.uint8(number) if i % 2 else float(number), wnid, "tench, Tinca tinca", "a fish", 0)
    table[len(ids), 0] = (float(len(ids) + 1), "n00001740", "entity", "that which is", 2)
    scipy.io.savemat(path, {"other": np.arange(7.0), "synsets": table}, do_compression=compressed)


def make_source(folder, train, val, labels="devkit", compressed=True):
    os.makedirs(folder)
    outer = tar_of([(f"{w}.tar", tar_of(files)) for w, files in train.items()])
    with open(f"{folder}/ILSVRC2012_img_train.tar", "wb") as f:
        f.write(outer)
    names = [f"ILSVRC2012_val_{i + 1:08d}" for i in range(len(val))]
    with open(f"{folder}/ILSVRC2012_img_val.tar", "wb") as f:
        f.write(tar_of([(n + ".JPEG", data) for n, (_, data) in zip(names, val)]))
    ids = list(range(1, len(train) + 1))
    random.Random(2).shuffle(ids)
    ids = dict(zip(train, ids))
    if labels == "devkit":
        write_meta(f"{folder}/meta.mat", ids, compressed)
        truth = "".join(f"{ids[w]}\n" for w, _ in val).encode()
        kit = tar_of([("ILSVRC2012_devkit_t12/readme.txt", b"read me"),
                      ("ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt", truth),
                      ("ILSVRC2012_devkit_t12/data/meta.mat", read(f"{folder}/meta.mat"))])
        os.remove(f"{folder}/meta.mat")
        with open(f"{folder}/ILSVRC2012_devkit_t12.tar.gz", "wb") as f:
            f.write(zlib.compress(kit, wbits=31))
    elif labels == "kaggle":
        with open(f"{folder}/LOC_val_solution.csv", "w") as f:
            f.write("ImageId,PredictionString\n" + "".join(f"{n},{w} 85 1 499 272 \n" for n, (w, _) in reversed(list(zip(names, val)))))
    elif labels == "numbers":
        with open(f"{folder}/val.txt", "w") as f:
            f.write("".join(f"{n}.JPEG {sorted(train).index(w)}\n" for n, (w, _) in zip(names, val)))


# ---- what came out ----

def sums_of(folder, pattern="*"):
    """{file: SHA-256} of everything in it."""
    return {n: hashlib.sha256(read(f"{folder}/{n}")).hexdigest() for n in sorted(os.listdir(folder)) if fnmatch.fnmatch(n, pattern)}


def records(folder, split):
    """[(bytes, label)] of all files in order, after each file's own tables have been checked; classes; mean, std."""
    found, heads, ids = [], set(), set()
    paths = sorted(glob.glob(f"{folder}/{split}-*.h5"))
    assert [os.path.basename(p) for p in paths] == [f"{split}-{i:05d}-of-{len(paths):05d}.h5" for i in range(len(paths))], paths
    for path in paths:
        with h5py.File(path) as f:
            assert f.attrs["format"] == b"shoal-dataset" and f.attrs["version"] == 1 and f.attrs["task"] == b"classification"
            whole, offsets, labels = f["encoded/bytes"][:].tobytes(), f["encoded/offsets"][:], f["labels"][:]
            assert offsets[0] == 0 and offsets[-1] == len(whole) and f["encoded/bytes"].chunks is None
            cut = [whole[a:b] for a, b in zip(offsets[:-1], offsets[1:])]
            assert f["crc32"][:].tolist() == [zlib.crc32(r) for r in cut]
            found += zip(cut, labels.tolist())
            ids.add(f.attrs["pack_id"])
            heads.add((tuple(c.decode() for c in f["classes"][:]), tuple(f.attrs["mean"]), tuple(f.attrs["std"])))
    assert len(heads) == 1, "files of one set have different classes or means"
    other = [h5py.File(p).attrs["pack_id"] for p in glob.glob(f"{folder}/*-00000-of-*.h5")]
    assert ids == set(other) and len(ids) == 1 and len(ids.pop()) == 32, "files of one packing have different ids"
    return found, *heads.pop()


def statistics(pictures):
    """mean and std of x/255 with Pillow and whole numbers."""
    count, total, squares = 0, np.zeros(3, object), np.zeros(3, object)
    for data in pictures:
        with Image.open(io.BytesIO(data)) as im:
            im = ImageOps.exif_transpose(im)
            p = np.stack([np.array(im) >> 8] * 3, -1) if im.mode.startswith("I") else np.array(im.convert("RGB"))
        p = p.reshape(-1, 3).astype(np.int64)
        count, total, squares = count + len(p), total + p.sum(0), squares + (p * p).sum(0)
    mean = np.array([int(t) / count for t in total])
    return mean / 255, np.sqrt(np.array([int(s) / count for s in squares]) - mean * mean) / 255


def left_out(folder, split):
    lines = [line.rstrip("\n").split("\t") for line in open(f"{folder}/odd-{split}.tsv")]
    return [line[0] for line in lines if "left out" in line[1]], {line[0]: line[1] for line in lines}


# ---- tests ----

TRAIN, VALIDATION = pictures()
WNIDS = sorted(TRAIN)


def check_set(folder):
    """Against the sources, record by record."""
    gone, odd = left_out(folder, "train")
    kept, classes, mean, std = records(folder, "train")
    expected = [(data, WNIDS.index(w)) for w in WNIDS for n, data in TRAIN[w] if f"{w}/{n}" not in gone]
    assert classes == tuple(WNIDS)
    assert collections.Counter(kept) == collections.Counter(expected), "not the archive's pictures"
    for found, wanted in zip((mean, std), statistics([data for data, _ in kept])):
        assert np.abs(found - wanted).max() < 1e-4, (found, wanted)  # a picture or two may differ from Pillow's by a level
    kept, classes, mean, std = records(folder, "val")
    assert collections.Counter(kept) == collections.Counter((data, WNIDS.index(w)) for w, data in VALIDATION)
    for found, wanted in zip((mean, std), statistics([data for data, _ in kept])):
        assert np.abs(found - wanted).max() < 1e-6, (found, wanted)
    return gone, odd


def check_report(said, pictures):
    """What inspect --verify prints of a split: sizes, classes, and the mean that is stored."""
    lengths, counts = [len(data) for data, _ in pictures], collections.Counter(label for _, label in pictures).values()
    assert f"bytes     {min(lengths):,} to {max(lengths):,}, " in said, said
    assert f"classes   {len(WNIDS)}, of {min(counts)} to {max(counts)} pictures" in said, said
    numbers = re.findall(r"^(?:mean|std) +(\S.*?) +\(stored: (.*)\)$", said, re.M)
    assert len(numbers) == 4 and all(found == stored for found, stored in numbers), said


def test_archives(work):
    """1 and 3 ranks; order; odd pictures; what inspect says."""
    make_source(f"{work}/source", TRAIN, VALIDATION)
    said = shoal("pack", "imagenet", f"{work}/source", f"{work}/one", *SIZE)
    gone, odd = check_set(f"{work}/one")
    shoal("pack", "imagenet", f"{work}/source", f"{work}/three", *SIZE, ranks=3, threads=2)
    assert sums_of(f"{work}/one") == sums_of(f"{work}/three"), "not the same for 3 ranks"
    assert len(glob.glob(f"{work}/one/train-*.h5")) > 5
    assert not os.path.exists(f"{work}/one/.pack"), "the state is left behind"

    with h5py.File(sorted(glob.glob(f"{work}/one/train-*.h5"))[2]) as f:
        labels = f["labels"][:].tolist()
        assert len(set(labels)) > 5 and labels != sorted(labels), f"not spread: {labels}"
    name = "n03028079/{}".format
    assert "html_named.jpg" in " ".join(gone) and name("empty.jpg") in gone and f"{len(gone)} left out" in said, said
    for picture, what in (("pil_sample_cmyk.jpg", "CMYK"), ("png_named.jpg", "PNG"), ("png_named.jpg", "wrongly named"),
                          ("hopper_gray.jpg", "grey"), ("app13-multiple.jpg", "progressive"),
                          ("monkey16.png", "more than 8 bits"), ("jpeg_named.png", "wrongly named"),
                          ("hopper_orientation_6.jpg", "turned by EXIF")):
        assert name(picture) not in gone and what in odd[name(picture)], (picture, odd.get(name(picture)))
    assert "n01440764" not in "".join(gone)

    before = sums_of(f"{work}/one")
    assert "packed already" in shoal("pack", "imagenet", f"{work}/source", f"{work}/one", *SIZE)
    assert sums_of(f"{work}/one") == before
    refused("train-00000-of-.* is there already", 64, "pack", "imagenet", f"{work}/source", f"{work}/one")
    os.rename(f"{work}/one/val-00000-of-00004.h5", f"{work}/elsewhere.h5")
    refused("is there already", 64, "pack", "imagenet", f"{work}/source", f"{work}/one", *SIZE)
    os.rename(f"{work}/elsewhere.h5", f"{work}/one/val-00000-of-00004.h5")
    said = shoal("inspect", "--verify", f"{work}/one", ranks=2)
    kept = sum(map(len, TRAIN.values())) - len(gone)
    assert f"{kept} pictures, 0 bad" in said and "160 pictures, 0 bad" in said, said
    check_report(said, records(f"{work}/one", "train")[0])
    refused("is there already, of a set in several files", 64, "pack", "glyphs", f"{work}/one")
    os.rename(f"{work}/one/pack.txt", f"{work}/pack.txt")
    os.mkdir(f"{work}/one/.pack")
    open(f"{work}/one/.pack/plan", "w").close()
    refused("its packing is not finished", 65, "inspect", f"{work}/one/val-00000-of-00004.h5")
    shutil.rmtree(f"{work}/one/.pack")
    os.rename(f"{work}/pack.txt", f"{work}/one/pack.txt")
    path = sorted(glob.glob(f"{work}/one/train-*.h5"))[1]
    with h5py.File(path) as f:
        at = f["encoded/bytes"].id.get_offset() + int(f["encoded/offsets"][3]) + 50
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ 1]))
    done = subprocess.run(command(1, "inspect", "--verify", f"{work}/one"), capture_output=True, text=True, env=ENVIRONMENT)
    assert done.returncode == 65 and f"{path}: picture 3: CRC" in done.stderr and f"{kept} pictures, 1 bad" in done.stdout, done


def kill_when(condition, ranks, *words):
    """Starts the program and ends all of it by SIGKILL as soon as condition() holds; whether that happened before it was through."""
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    p = subprocess.Popen(command(ranks, *words), env=ENVIRONMENT, start_new_session=True, **silent)
    while p.poll() is None and not condition():
        time.sleep(0.0005)
    killed = p.poll() is None
    if killed:
        tree = [p.pid] + [int(c) for c in subprocess.run(["pgrep", "-P", str(p.pid)], capture_output=True, text=True).stdout.split()]
        for pid in tree:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
    p.wait()
    return killed


def test_kills(work):
    """Killed in both passes, and taken up by other numbers of ranks."""
    make_source(f"{work}/source", TRAIN, VALIDATION)
    words = ["pack", "imagenet", f"{work}/source"]
    shoal(*words, f"{work}/whole", *SIZE)
    for first, second, third in ((1, 3, 1), (3, 1, 2)):
        out = f"{work}/out{first}{second}{third}"

        def there(pattern, count):
            return lambda: len(glob.glob(f"{out}/.pack/{pattern}")) >= count

        assert kill_when(there("survey-*[0-9]", 4), first, *words, out, *SIZE), "it was through before it was killed"
        assert not glob.glob(f"{out}/*.h5") and len(glob.glob(f"{out}/.pack/survey-*")) >= 4
        killed = kill_when(there("train-*-of-*.h5", 3), second, *words, out, *SIZE)
        assert not killed or not glob.glob(f"{out}/*.h5") or not os.path.exists(f"{out}/pack.txt")
        said = shoal(*words, out, *SIZE, ranks=third)
        assert "going on" in said or not killed, said
        assert sums_of(out) == sums_of(f"{work}/whole"), f"not the same after kills, ranks {first}, {second}, {third}"


def test_other_sources(work):
    """The same pictures from folders, and the labels from lists."""
    make_source(f"{work}/kaggle", TRAIN, VALIDATION, "kaggle")
    shoal("pack", "imagenet", f"{work}/kaggle", f"{work}/kaggle-out", *SIZE)
    check_set(f"{work}/kaggle-out")
    wanted = records(f"{work}/kaggle-out", "val")
    for labels, compressed in (("numbers", True), ("devkit", False)):
        make_source(f"{work}/{labels}", {w: TRAIN[w][:1] for w in WNIDS}, VALIDATION, labels, compressed)
        if labels == "numbers":
            with open(f"{work}/numbers/val.txt", "a") as f:
                f.write("ILSVRC2012_val_09999999.JPEG 0\n")
        said = shoal("pack", "imagenet", f"{work}/{labels}", f"{work}/{labels}-out", *SIZE)
        assert bool(re.search(r"missing +1  of the 161 pictures", said)) == (labels == "numbers"), said
        assert records(f"{work}/{labels}-out", "val") == wanted, labels
    for w in WNIDS:
        os.makedirs(f"{work}/folders/train/{w}")
        for n, data in TRAIN[w]:
            with open(f"{work}/folders/train/{w}/{n}", "wb") as f:
                f.write(data)
        os.makedirs(f"{work}/folders/val/{w}")
    for i, (w, data) in enumerate(VALIDATION):
        with open(f"{work}/folders/val/{w}/{i:04d}.JPEG", "wb") as f:
            f.write(data)
    with open(f"{work}/folders/train/{WNIDS[0]}/readme.txt", "w") as f:
        f.write("read me")
    said = shoal("pack", "imagenet", f"{work}/folders", f"{work}/folders-out", *SIZE, ranks=2)
    assert len(re.findall(r"ignored +1  files", said)) == 1, said
    check_set(f"{work}/folders-out")
    os.mkdir(f"{work}/flat")
    os.mkdir(f"{work}/flat/val")
    for i, (_, data) in enumerate(VALIDATION):
        with open(f"{work}/flat/val/ILSVRC2012_val_{i + 1:08d}.JPEG", "wb") as f:
            f.write(data)
    shutil.copy(f"{work}/kaggle/LOC_val_solution.csv", f"{work}/flat")
    shoal("pack", "imagenet", f"{work}/flat", f"{work}/flat-out", *SIZE)
    assert records(f"{work}/flat-out", "val") == wanted


def test_smaller(work):
    """--max-side: only what is larger is encoded anew, near to Pillow's own result, and the same bits for any number of ranks."""
    rng = np.random.default_rng(4)
    big = []
    for mode, size in (("RGB", (300, 200)), ("L", (150, 331)), ("RGB", (101, 100)), ("RGB", (100, 60))):
        small = rng.integers(0, 256, (6, 6, 3) if mode == "RGB" else (6, 6)).astype(np.uint8)
        out = io.BytesIO()
        Image.fromarray(small, mode).resize(size, Image.BICUBIC).save(out, "JPEG", quality=95)
        big.append(out.getvalue())
    make_source(f"{work}/source", {"n00000001": [(f"{i}.JPEG", b) for i, b in enumerate(big)], "n00000002": [("x.JPEG", big[3])]},
                [("n00000001", big[3])])
    words = ["--max-side", 100, "--quality", 92]
    shoal("pack", "imagenet", f"{work}/source", f"{work}/one", *words)
    shoal("pack", "imagenet", f"{work}/source", f"{work}/two", *words, ranks=2)
    assert sums_of(f"{work}/one") == sums_of(f"{work}/two")
    kept, _, mean, _ = records(f"{work}/one", "train")
    kept = [data for data, _ in kept]
    assert kept.count(big[3]) == 2 and not set(big[:3]) & set(kept)
    sizes = sorted(Image.open(io.BytesIO(k)).size for k in kept)
    assert sizes == [(45, 100), (100, 60), (100, 60), (100, 67), (100, 99)], sizes
    originals = [Image.open(io.BytesIO(b)).convert("RGB") for b in big]
    for k in kept:
        with Image.open(io.BytesIO(k)) as im:
            pixels = np.array(im.convert("RGB"), int)
            near = min(np.abs(pixels - np.array(o.resize(im.size, Image.BILINEAR), int)).mean() for o in originals)
            assert near < 3 and (im.mode == "L") == (im.size == (45, 100)), (near, im.mode, im.size)
    assert np.abs(mean - statistics(kept)[0]).max() < 1e-4
    refused("--max-side is for imagenet", 64, "pack", "folder", f"{work}/source", f"{work}/x", "--max-side", 50)
    refused("--quality needs --max-side", 64, "pack", "imagenet", f"{work}/source", f"{work}/x", "--quality", 50)


def test_full_disk(work):
    """Too little room is said before the writing; a file that cannot grow ends the run, and with room it goes on."""
    make_source(f"{work}/source", TRAIN, VALIDATION)
    words = ["pack", "imagenet", f"{work}/source"]
    shoal(*words, f"{work}/whole", "--file-size", "1MB")

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))

    said = shoal(*words, f"{work}/limited", "--file-size", "1MB", code=74, before=limit)
    assert "File too large" in said, said
    assert not glob.glob(f"{work}/limited/*.h5") and not glob.glob(f"{work}/limited/.pack/*.part"), "something broken is left"
    shoal(*words, f"{work}/limited", "--file-size", "1MB", ranks=2)
    assert sums_of(f"{work}/limited") == sums_of(f"{work}/whole")
    os.mkdir(f"{work}/disk")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", f"{work}/disk"], capture_output=True).returncode:
        print("test_full_disk: no small disk can be mounted here: that part is skipped")
        return
    try:
        assert "free" in shoal(*words, f"{work}/disk/out", code=74)
        assert not glob.glob(f"{work}/disk/out/*.h5")
        assert "free" in shoal(*words, f"{work}/disk/out", code=74, ranks=2)
    finally:
        subprocess.run(["umount", f"{work}/disk"], check=True)


def test_bad_sources(work):
    few = {w: TRAIN[w][:3] for w in WNIDS[:3]}
    val = [(w, d) for w, d in VALIDATION if w in few]
    make_source(f"{work}/s", few, val)
    pack = ["pack", "imagenet"]
    refused("nowhere: no such folder", 74, *pack, f"{work}/nowhere", f"{work}/o")
    os.mkdir(f"{work}/bare")
    refused("bare: neither ILSVRC2012_img_train.tar", 74, *pack, f"{work}/bare", f"{work}/o", ranks=2)
    refused("size is needed", 64, *pack, f"{work}/s", f"{work}/o", "--file-size", "many")

    shutil.copytree(f"{work}/s", f"{work}/torn")
    with open(f"{work}/torn/ILSVRC2012_img_train.tar", "r+b") as f:
        f.truncate(f.seek(0, 2) // 2)
    refused(r"img_train.tar: truncated within n\d+.tar", 65, *pack, f"{work}/torn", f"{work}/o")
    with open(f"{work}/torn/ILSVRC2012_img_train.tar", "wb") as f:
        f.write(b"<html>not found</html>" * 100)
    refused("img_train.tar: damaged or no tar", 65, *pack, f"{work}/torn", f"{work}/o", ranks=2)

    os.mkdir(f"{work}/hostile")
    for flag, pattern in ((None, "truncated within huge.JPEG"), (b"S", "the size of huge.JPEG is not that of a file as it is|damaged or no tar")):
        info = tarfile.TarInfo("huge.JPEG")
        info.size = 8 << 30
        info.type = flag or tarfile.REGTYPE
        head = bytearray(info.tobuf(tarfile.GNU_FORMAT))
        if flag:  # old GNU sparse: one piece at the end of a gigabyte
            head[386:398], head[398:410], head[483:495] = b"07777777000\0", b"00000001000\0", b"10000000000\0"
            head[148:156] = b"        "
            head[148:156] = b"%06o\0 " % sum(head)
        with open(f"{work}/hostile/ILSVRC2012_img_train.tar", "wb") as f:
            f.write(tar_of([("n00000001.tar", bytes(head) + bytes(2048))]))
        refused(pattern, 65, *pack, f"{work}/hostile", f"{work}/huge", "--strict")
        shutil.rmtree(f"{work}/huge")

    shutil.copytree(f"{work}/s", f"{work}/nolabels")
    os.remove(f"{work}/nolabels/ILSVRC2012_devkit_t12.tar.gz")
    refused("no labels of the validation pictures: ILSVRC2012_devkit_t12.tar.gz", 74, *pack, f"{work}/nolabels", f"{work}/o")
    with open(f"{work}/nolabels/val.txt", "w") as f:
        f.write("ILSVRC2012_val_00000001.JPEG 3\n")
    refused("val.txt: ILSVRC2012_val_00000001 is of class 3; classes count from 0 to 2", 65, *pack, f"{work}/nolabels", f"{work}/o")
    with open(f"{work}/nolabels/val.txt", "w") as f:
        f.write("ILSVRC2012_val_00000001.JPEG 2\n")
    refused("val.txt: no label for ILSVRC2012_val_00000002.JPEG", 65, *pack, f"{work}/nolabels", f"{work}/o", ranks=2)
    with open(f"{work}/nolabels/val.txt", "wb") as f:
        f.write(b"ILSVRC2012_val_00000001.JPEG 2\n\0ILSVRC2012_val_00000002.JPEG 2\n")
    refused("val.txt: is no text", 65, *pack, f"{work}/nolabels", f"{work}/o")
    with open(f"{work}/nolabels/ILSVRC2012_devkit_t12.tar.gz", "wb") as f:
        f.write(read(f"{work}/s/ILSVRC2012_devkit_t12.tar.gz")[:200])
    refused("devkit_t12.tar.gz: (damaged|has no)", 65, *pack, f"{work}/nolabels", f"{work}/o")

    few[WNIDS[1]].append(("torn.JPEG", b"\xff\xd8 nothing"))
    make_source(f"{work}/bad", few, val)
    refused(f"{WNIDS[1]}/torn.JPEG: ", 65, *pack, f"{work}/bad", f"{work}/strict", "--strict")
    refused("begun with \"strict: yes\", and this is \"strict: no\"", 64, *pack, f"{work}/bad", f"{work}/strict")
    assert "torn.JPEG" in shoal(*pack, f"{work}/bad", f"{work}/out")
    refused("train-00000-of-00001.h5 is there already", 64, *pack, f"{work}/bad", f"{work}/out", "--seed", 2)
    for ranks, pictures in ((1, []), (2, few[WNIDS[1]][-1:])):
        make_source(f"{work}/none{ranks}", dict(few, **{WNIDS[1]: pictures}), val)
        refused(f"class {WNIDS[1]}: no picture of it can be decoded; .*take the class out", 65, *pack, f"{work}/none{ranks}",
                f"{work}/none", ranks=ranks)
        assert not glob.glob(f"{work}/none/*.h5")


def test_changed_source(work):
    """Killed after the first pass, and then the archive is another one."""
    make_source(f"{work}/s", TRAIN, VALIDATION)
    out, words = f"{work}/out", ["pack", "imagenet", f"{work}/s"]
    assert kill_when(lambda: glob.glob(f"{out}/.pack/train-*.h5"), 1, *words, out, *SIZE), "it was through before it was killed"
    with open(f"{work}/s/ILSVRC2012_img_train.tar", "r+b") as f:
        data = f.read()
        f.seek(0)
        f.write(data.replace(TRAIN[WNIDS[4]][3][1][-300:], bytes(300)).replace(TRAIN[WNIDS[5]][3][1][-300:], bytes(300)))
    refused("has changed since its pictures were looked at", 65, *words, out, *SIZE, ranks=2)
    assert not glob.glob(f"{out}/*.h5")


failed = 0
for name, test in list(globals().items()):
    if not name.startswith("test_") or sys.argv[1:] and name not in sys.argv[1:]:
        continue
    with tempfile.TemporaryDirectory() as folder:
        try:
            test(folder)
            print(f"{name}: ok")
        except AssertionError as e:
            failed += 1
            print(f"{name}: FAILED, line {(e.__traceback__.tb_next or e.__traceback__).tb_lineno}: {e}")
sys.exit(1 if failed else 0)
