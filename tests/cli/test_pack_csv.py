#!/usr/bin/python3
"""`shoal pack csv`: labels, several labels and numbers, read by h5py and compared with Python's csv; what is wrong in a file is one line."""
import csv
import os
import re
import struct
import subprocess
import sys
import tempfile
import zlib

try:
    import h5py
    import numpy as np
    from PIL import Image
except ImportError as e:
    print(f"skipped: {e}")
    sys.exit(77)

SHOAL = os.environ.get("SHOAL_BIN") or os.path.join(os.path.dirname(__file__), "../../build/bin/shoal")
N = 40
NAMES = ["cod", "eel", 'ray, "spotted"', "über"]


def run(*words):
    done = subprocess.run([SHOAL, "pack", "csv", *words], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def pack(*words):
    code, out, err = run(*words)
    assert code == 0, f"{words}: {code}\n{err}"
    return out + err


def make(work):
    """Pictures, and a row for each: path, one label, any number of labels, two flags, two numbers."""
    os.makedirs(f"{work}/sub/pics")
    rows = []
    for i in range(N):
        path, form = f"pics/{i}." + ("png", "tif", "webp", "ppm")[i % 4], ("PNG", "TIFF", "WEBP", "PPM")[i % 4]
        Image.fromarray(np.random.default_rng(i).integers(0, 256, (5, 6, 3)).astype(np.uint8)).save(f"{work}/sub/{path}", form)
        rows.append({"path": path, "label": NAMES[i % 4], "tags": "|".join(["c", "a", "b", "a"][:i % 5]), "x": i % 2, "y": int(i % 3 == 0),
                     "length": i / 7, "weight": -1e3 * i, "year": 9 + i % 3})
    write(f"{work}/sub/a.csv", rows)
    return rows


def write(path, rows, **options):
    with open(path, "w", newline="") as f:
        w = csv.DictWriter(f, list(rows[0]), **options)
        w.writeheader()
        w.writerows(rows)


def crcs(records):
    return [zlib.crc32(bytes(r)) for r in records]


def read(out, work, rows):
    """(rows in the order of the set, its files), train before val; checks pictures, their CRCs, and that each row is there once."""
    by_bytes = {open(f"{work}/sub/{r['path']}", "rb").read(): r for r in rows}
    found, files = [], []
    for split in ("train", "val"):
        f = h5py.File(f"{out}/{split}.h5")
        new = f.attrs["version"] == 2
        group = f["images" if new else "encoded"]
        assert not new or group.attrs["encoding"] == b"file"
        whole, at = group["bytes"][:].tobytes(), group["offsets"][:]
        records = [whole[a:b] for a, b in zip(at[:-1], at[1:])]
        assert f["crc32/images" if new else "crc32"][:].tolist() == crcs(records)
        here = [by_bytes[r] for r in records]
        assert here == sorted(here, key=rows.index), "rows keep their order"
        found.append(here)
        files.append(f)
    assert sorted(map(rows.index, found[0] + found[1])) == list(range(len(rows)))
    return list(zip(found, files))


def check_attributes(f, version, task, classes):
    assert (f.attrs["version"], f.attrs["task"]) == (version, task.encode())
    assert ("classes" in f) == bool(classes) and (not classes or [c.decode() for c in f["classes"][:]] == classes)


def check_several(f, lists):
    values, at = f["labels/values"][:], f["labels/offsets"][:]
    assert values.dtype == np.int32 and at.dtype == np.uint64 and len(at) == len(lists) + 1
    assert [values[a:b].tolist() for a, b in zip(at[:-1], at[1:])] == lists
    assert f["crc32/labels"][:].tolist() == crcs(struct.pack(f"<{len(v)}i", *v) for v in lists)


def test_one_label(work, rows):
    """Version 1, as pack folder makes: a share of each class is val's, and the same seed gives the same bits."""
    out = f"{work}/one"
    pack(f"{work}/sub/a.csv", out, "--labels", "label", "--val-share", "0.2", "--seed", "3")
    for here, f in read(out, work, rows):
        check_attributes(f, 1, "classification", NAMES)
        assert f["labels"][:].tolist() == [NAMES.index(r["label"]) for r in here]
        assert np.bincount(f["labels"][:]).tolist() in ([8] * 4, [2] * 4)
    pack(f"{work}/sub/a.csv", f"{work}/again", "--labels", "label", "--val-share", "0.2", "--seed", "3")
    assert open(f"{out}/val.h5", "rb").read() == open(f"{work}/again/val.h5", "rb").read()
    shown = subprocess.run([SHOAL, "inspect", f"{out}/train.h5"], capture_output=True, text=True)
    assert shown.returncode == 0 and re.search(r"^samples +32", shown.stdout, re.M), shown
    pack(f"{work}/sub/a.csv", out, "--labels", "year")  # numbers are classes in their order
    with h5py.File(f"{out}/train.h5") as f:
        assert [c.decode() for c in f["classes"][:]] == ["9", "10", "11"]


def test_several_labels(work, rows):
    out = f"{work}/several"
    pack(f"{work}/sub/a.csv", out, "--labels", "tags", "--separator", "|", "--val-share", "0.25")
    for here, f in read(out, work, rows):
        check_attributes(f, 2, "multilabel", ["a", "b", "c"])
        check_several(f, [sorted({"abc".index(t) for t in r["tags"].split("|") if t}) for r in here])
    pack(f"{work}/sub/a.csv", out, "--labels", "y,x")
    for here, f in read(out, work, rows):
        check_attributes(f, 2, "multilabel", ["y", "x"])
        check_several(f, [[i for i, name in enumerate("yx") if r[name]] for r in here])


def test_numbers(work, rows):
    out = f"{work}/numbers"
    for labels in ((), ("--labels", "label")):
        pack(f"{work}/sub/a.csv", out, "--targets", "length,weight", *labels)
        for here, f in read(out, work, rows):
            check_attributes(f, 2, "classification" if labels else "regression", NAMES if labels else [])
            t = f["targets"][:]
            assert t.dtype == np.float32 and np.array_equal(t, np.array([[r["length"], r["weight"]] for r in here], np.float32))
            assert f["crc32/targets"][:].tolist() == crcs(row.tobytes() for row in t)
            assert not labels or f["labels"][:].tolist() == [NAMES.index(r["label"]) for r in here]


def test_forms(work, rows):
    """What programs write: BOM, CRLF, every cell in quotes, spaces, empty lines, no end of the last line, paths in another column."""
    plain = f"{work}/sub/a.csv"
    text = open(plain, newline="").read()
    turned = [{"label": r["label"], "path": os.path.abspath(f"{work}/sub/{r['path']}")} for r in rows]
    write(f"{work}/turned.csv", turned, quoting=csv.QUOTE_ALL, lineterminator="\n")
    forms = {"bom": b"\xef\xbb\xbf" + text.encode(), "lf": text.replace("\r\n", "\n").encode(), "cr": text.replace("\r\n", "\r").encode(),
             "end": text.rstrip().encode(), "lines": text.replace("\r\n", "\r\n\r\n").encode(), "spaces": text.replace(",cod,", " , cod ,").encode()}
    pack(plain, f"{work}/plain", "--labels", "label")
    wanted = open(f"{work}/plain/train.h5", "rb").read()
    for name, content in forms.items():
        with open(f"{work}/sub/{name}.csv", "wb") as f:
            f.write(content)
        pack(f"{work}/sub/{name}.csv", f"{work}/form", "--labels", "label")
        assert open(f"{work}/form/train.h5", "rb").read() == wanted, name
    pack(f"{work}/turned.csv", f"{work}/form", "--labels", "label", "--paths", "path")
    assert open(f"{work}/form/train.h5", "rb").read() == wanted


def test_many_rows(work, rows):
    """100,000, of a few pictures."""
    with open(f"{work}/sub/many.csv", "w") as f:
        f.write("path,label\n" + "".join(f"pics/{i % 2 * 4}.png,c{i % 7}\n" for i in range(100000)))
    said = pack(f"{work}/sub/many.csv", f"{work}/many", "--labels", "label", "--val-share", "0")
    assert "train.h5: 100,000 pictures, 7 classes" in said, said


def test_what_is_wrong(work, rows):
    good, labels = "path,label\npics/0.png,a\npics/4.png,b\n", ("--labels", "label")
    cases = [
        (good + 'pics/8.png,"c\n', labels, 'line 4, column 2: a quote is opened and not closed'),
        (good + '"pics/8.png"x,c\n', labels, "line 4, column 1: text behind the closing quote"),
        (good + "pics/8.png\n", labels, "line 4: 1 cell, its header has 2"),
        (good + 'pics/8.png,"c\nd"\npics/8.png,c,d\n', labels, "line 6: 3 cells, its header has 2; cells that hold commas need quotes"),
        (good + "pics/8.png,\n", labels, 'line 4, column "label": no label; remove the row'),
        (good + ",c\n", labels, 'line 4, column "path": no path'),
        (good, ("--labels", "nope"), 'no column is called "nope"; there are "path", "label"'),
        (good, ("--targets", "label"), 'line 2, column "label": no number'),
        (good, ("--labels", "path,label"), 'line 2, column "path": neither 0 nor 1'),
        (good, ("--labels", "label", "--targets", "nope"), 'no column is called "nope"'),
        (good, ("--labels", "label", "--paths", "nope"), 'no column is called "nope"'),
        ("path,v\na.png,1e40\n", ("--targets", "v"), 'line 2, column "v": too large'),
        ("path,v\na.png,nan\n", ("--targets", "v"), 'line 2, column "v": no number'),
        ("path,a,a\nx,1,1\n", ("--labels", "a"), '2 columns are called "a"'),
        ("path,tags\npics/0.png,\n", ("--labels", "tags", "--separator", "|"), 'line 1, column "tags": no label in any row'),
        ("path;label\npics/0.png;a\n", labels, "no commas but semicolons"),
        ("path,label\n", labels, "has no rows below a header"), ("", labels, "has no rows below a header"),
        (good.encode("utf-16"), labels, "is no text of UTF-8"),
        (good + "pics/8.png,caf\xe9\n", labels, "is no UTF-8"),
        (good + "pics/none.png,a\n", labels, "1 picture of 3 cannot be decoded, more than one in 100"),
        (good + "pics/none.png,a\n", labels + ("--strict",), "line 4: .*pics/none.png: no such file"),
        (good + "pics/none.png,c\n", labels + ("--lenient", "--val-share", "0"), "no picture of class c can be decoded"),
        (good, labels, "too few pictures for a val.h5 with --val-share 0.1"),
    ]
    for content, words, pattern in cases:
        with open(f"{work}/sub/bad.csv", "wb") as f:
            f.write(content if isinstance(content, bytes) else content.encode("latin-1"))
        code, _, err = run(f"{work}/sub/bad.csv", f"{work}/bad", *words)
        lines = [line for line in err.strip().split("\n") if not line.startswith("warning: ")]
        assert code == 65 and len(lines) == 1 and "bad.csv" in lines[0] and re.search(pattern, lines[0]), (content, pattern, code, err)
        assert not os.path.exists(f"{work}/bad/train.h5")
    for words, code, pattern in (((f"{work}/sub/a.csv", f"{work}/bad"), 64, "which columns are labels or numbers"),
                                 ((f"{work}/none.csv", f"{work}/bad", *labels), 74, "none.csv: no such file"),
                                 ((f"{work}/sub/a.csv",), 64, "usage is `shoal pack csv FILE OUT`"),
                                 ((f"{work}/sub/a.csv", f"{work}/bad", "--deep", *labels), 64, "are for folder")):
        found, _, err = run(*words)
        assert found == code and re.search(pattern, err), (words, found, err)


failed = 0
for name, test in list(globals().items()):
    if name.startswith("test_"):
        with tempfile.TemporaryDirectory() as folder:
            try:
                test(folder, make(folder))
                print(f"{name}: ok")
            except AssertionError as e:
                failed += 1
                print(f"{name}: FAILED, line {e.__traceback__.tb_next.tb_lineno if e.__traceback__.tb_next else e.__traceback__.tb_lineno}: {e}")
sys.exit(1 if failed else 0)
