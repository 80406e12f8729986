#!/usr/bin/python3
"""Pictures and random draws against Pillow and torchvision: odd pictures, orientations in every place where they are found, and the laws of
crops and colour factors."""
import io
import os
import struct
import subprocess
import sys
import tempfile
import warnings
import zlib

try:
    import numpy as np
    import torch
    from PIL import Image, ImageOps
    from torchvision import transforms
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

TOOL = os.path.join(os.path.dirname(os.environ["SHOAL_BIN"]), "golden_pictures")
ODD = os.path.join(os.environ.get("SHOAL_SHARED", ""), "data/odd-images/odd-images")
# Formats that Shoal does not read, although Pillow does: refused by name.
OTHER_FORMATS = {"hopper.webp": "WebP", "webp_named.jpg": "WebP", "imageNotFound.gif": "GIF"}
failures = 0
warnings.simplefilter("ignore")  # Pillow's about damaged EXIF blocks


def check(good, text):
    global failures
    if not good:
        failures += 1
        print("FAILED:", text)


def run(*words):
    return subprocess.run([TOOL, *map(str, words)], capture_output=True)


def shoal(*words):
    """The picture, or the line that says why there is none."""
    result = run(*words)
    if result.returncode == 0:
        return np.asarray(Image.open(io.BytesIO(result.stdout))).astype(int), None
    check(result.returncode == 65, f"{words}: exit code {result.returncode}")
    return None, result.stderr.decode()


def pillow(path):
    try:
        return np.asarray(ImageOps.exif_transpose(Image.open(path)).convert("RGB")).astype(int)
    except Exception:  # Pillow raises whatever its plugins do
        return None


def near(found, expected, levels, what):
    if found.shape != expected.shape:
        check(False, f"{what}: {found.shape}, not {expected.shape}")
    else:
        check(abs(found - expected).max() <= levels, f"{what}: {abs(found - expected).max()} levels away")


def compare(path):
    """Decoded as Pillow does, or refused; what Pillow decodes is refused only where the format is another one."""
    name = os.path.basename(path)
    expected = pillow(path)
    found, error = shoal("decode", path)
    if found is None:
        check(name in error and error.count("\n") == 1, f"{name}: the error is {error!r}")
        check(expected is None or OTHER_FORMATS.get(name, "?") in error, f"{name}: Pillow decodes it, but: {error}")
    elif expected is not None:
        near(found, expected, 2, name)
    return "decoded" if found is not None else "refused"


def odd_pictures():
    if not os.path.isdir(ODD):
        print("skipped: no odd pictures here")
        return
    outcomes = [compare(os.path.join(folder, name)) for folder, _, names in os.walk(ODD) for name in sorted(names) if name != "MANIFEST.tsv"]
    print(f"odd pictures: {outcomes.count('decoded')} decoded, {outcomes.count('refused')} refused")


def orientations():
    """Every EXIF orientation, in JPEG and PNG, in both byte orders, and numbers that mean nothing."""
    y, x = np.mgrid[0:24, 0:40]
    im = Image.fromarray(np.stack([x * 6, y * 10, (x + y) * 3], 2).astype(np.uint8))
    with tempfile.TemporaryDirectory() as folder:
        for value in range(0, 11):
            for form in ("jpg", "png"):
                for endian in "<>":
                    exif = Image.Exif()
                    exif.endian = endian
                    exif[0x010F] = "a maker"
                    exif[0x0112] = value
                    path = os.path.join(folder, f"{value}{'be' if endian == '>' else 'le'}.{form}")
                    im.save(path, exif=exif.tobytes(), quality=95)
                    check(compare(path) == "decoded", f"{path} is refused")


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def exif_block(kind=3, count=1, value=6, order="<", before=b"", entries_before=0):
    """A TIFF header and a directory with the orientation in it; `before`: entries that come first."""
    width = {1: 1, 2: 1, 3: 2, 4: 4, 6: 1, 7: 1, 8: 2, 9: 4, 13: 4, 16: 8}.get(kind, 4)
    data = value.to_bytes(width, "little" if order == "<" else "big") * count
    n = entries_before + 1
    inline = data.ljust(4, b"\0") if len(data) <= 4 else struct.pack(order + "I", 8 + 2 + 12 * n + 4)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, n)
    return head + before + struct.pack(order + "HHI", 0x112, kind, count) + inline + bytes(4) + data


def raw_profile(block, line=72):
    digits = block.hex()
    return ("\nexif\n%8d\n" % len(block) + "\n".join(digits[i:i + line] for i in range(0, len(digits), line)) + "\n").encode()


def places():
    """{name: (chunks in front of the pixels of a PNG file, chunks behind them)}"""
    exif, deflated = exif_block(), zlib.compress
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="%d"/></x:xmpmeta>'
    element = b"<a><tiff:Orientation tiff:Orientations></tiff:Orientation>tiff:Orientation>8</a>"
    profile, key, xmp_key = raw_profile(b"Exif\0\0" + exif), b"Raw profile type exif\0", b"XML:com.adobe.xmp\0"
    single = {
        "exif": chunk(b"eXIf", exif), "exif with its name": chunk(b"eXIf", b"Exif\0\0" + exif), "exif as text": chunk(b"tEXt", b"exif\0" + exif),
        "no exif": chunk(b"eXIf", b""), "exif without": chunk(b"eXIf", exif.replace(b"\x12\x01", b"\x13\x01")),
        "profile": chunk(b"tEXt", key + profile), "profile zTXt": chunk(b"zTXt", key + b"\0" + deflated(profile)),
        "profile iTXt": chunk(b"iTXt", key + b"\0\0\0\0" + profile), "profile APP1": chunk(b"tEXt", b"Raw profile type APP1\0" + profile),
        "profile of two lines": chunk(b"tEXt", key + b"\nexif\n"), "profile torn": chunk(b"zTXt", key + b"\0" + deflated(profile)[:20]),
        "profile damaged": chunk(b"zTXt", key + b"\0" + b"nothing"), "profile short lines": chunk(b"tEXt", key + raw_profile(exif, 8)),
        "xmp": chunk(b"iTXt", xmp_key + b"\0\0\0\0" + xmp % 3), "xmp packed": chunk(b"iTXt", xmp_key + b"\1\0en\0x\0" + deflated(xmp % 5)),
        "xmp tEXt": chunk(b"tEXt", xmp_key + xmp % 7), "xmp element": chunk(b"iTXt", xmp_key + b"\0\0\0\0" + element),
        "xmp 0": chunk(b"iTXt", xmp_key + b"\0\0\0\0" + xmp % 0), "xmp 9": chunk(b"iTXt", xmp_key + b"\0\0\0\0" + xmp % 9),
        "xmp without": chunk(b"iTXt", xmp_key + b"\0\0\0\0<tiff:Orientation"), "xmp short": chunk(b"iTXt", xmp_key + b"\0"),
        "invalid exif": chunk(b"eXIf", exif_block(value=77)), "other": chunk(b"eXIf", exif_block(value=4, order=">")),
    }
    found = {name + where: pair for name, c in single.items() for where, pair in ((" before", (c, b"")), (" after", (b"", c)))}
    names = [n for n in single if n not in ("profile torn", "profile damaged")]
    for a in names:
        for b in ("exif", "other", "invalid exif", "exif without", "profile", "xmp", "xmp packed"):
            found[f"{a}, {b} before"] = (single[a] + single[b], b"")
            found[f"{a} before, {b} after"] = (single[a], single[b])
    return found


def orientation_places():
    """Orientations in the chunks of PNG files, in front of the pixels and behind them, and in JPEG segments in any order."""
    y, x = np.mgrid[0:6, 0:9]
    im, png, jpeg = Image.fromarray((x * 25 + y * 9).astype(np.uint8)), io.BytesIO(), io.BytesIO()
    im.save(png, "PNG")
    im.save(jpeg, "JPEG", quality=95)
    png, jpeg = png.getvalue(), jpeg.getvalue()
    pixels, end = png.index(b"IDAT") - 4, png.index(b"IEND") - 4
    files = {f"{name}.png": png[:pixels] + before + png[pixels:end] + after + png[end:] for name, (before, after) in places().items()}
    files["without an end.png"] = png[:end]

    def segment(data):
        return b"\xff\xe1" + struct.pack(">H", len(data) + 2) + data
    exif, xmp = b"Exif\0\0" + exif_block(), b'http://ns.adobe.com/xap/1.0/\0<x tiff:Orientation="3"/>'
    for name, segments in {"xmp": [xmp], "xmp, exif": [xmp, exif], "empty, exif": [b"Exif\0\0", exif],
                           "exif, other": [exif, b"Exif\0\0" + exif_block(value=3)]}.items():
        files[f"{name}.jpg"] = jpeg[:2] + b"".join(map(segment, segments)) + jpeg[2:]
        tables = jpeg.index(b"\xff\xc4")
        files[f"{name}, late.jpg"] = jpeg[:tables] + b"".join(map(segment, segments)) + jpeg[tables:]
    dangling = struct.pack("<HHII", 0x10f, 2, 100, 1 << 20)
    double = struct.pack("<HHIHH", 0x112, 3, 1, 3, 0)
    blocks = {f"type {k} x {n}": exif_block(k, n) for k in range(17) for n in (0, 1, 2, 3) if k not in (5, 10, 11, 12)}
    blocks |= {"dangling first": exif_block(before=dangling, entries_before=1), "twice": exif_block(before=double, entries_before=1),
               "big end": exif_block(order=">"), "loop": exif_block()[:4] + struct.pack("<I", 0), "far": exif_block()[:4] + b"\xff" * 4}
    for name, block in blocks.items():
        files[f"{name}.jpg"] = jpeg[:2] + segment(b"Exif\0\0" + block) + jpeg[2:]
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            path = os.path.join(folder, name)
            with open(path, "wb") as f:
                f.write(content)
            check(compare(path) == "decoded", f"{name} is refused")
    print(f"orientations: {len(files)} files")


def colours():
    """Each colour change on a picture of all kinds of colours, greys and borders of the range among them."""
    generator = np.random.default_rng(1)
    levels = generator.integers(0, 256, (400, 300, 3)).astype(np.uint8)
    levels[:100] = levels[:100, :, :1]
    levels[100:200] = levels[100:200] // 64 * 85
    picture = Image.fromarray(levels)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "colours.png")
        picture.save(path)
        for name, factors in (("brightness", (0, 0.6, 1, 1.37, 3)), ("contrast", (0, 0.45, 1.4, 2.5)), ("saturation", (0, 0.3, 1.25, 4)),
                              ("hue", (-0.5, -0.1, -0.003, 0.07, 0.25, 0.5))):
            for factor in factors:
                found, _ = shoal("adjust", path, name, factor)
                expected = getattr(transforms.functional, f"adjust_{name}")(picture, factor)
                near(found, np.asarray(expected).astype(int), 1, f"{name} {factor}")


def evaluation():
    """resize and center_crop of photographs: torchvision's pixels, and about these where a smaller scale was enough to decode."""
    root = os.path.join(os.environ.get("SHOAL_SHARED", ""), "data/hymenoptera/hymenoptera_320/val/ants")
    if not os.path.isdir(root):
        print("skipped: no photographs here")
        return
    for name in sorted(os.listdir(root))[:12]:
        path = os.path.join(root, name)
        with Image.open(path) as im:
            picture = im.convert("RGB")
        for size, crop, limit in ((200, 160, 0), (130, 131, 0), (60, 50, 2), (25, 25, 2)):
            t = transforms.Compose([transforms.Resize(size), transforms.CenterCrop(crop)])
            found, expected = shoal("load", path, size, crop)[0], np.asarray(t(picture)).astype(int)
            check(found is not None and found.shape == expected.shape and abs(found - expected).mean() <= limit,
                  f"{name} at {size}: {abs(found - expected).mean()} levels away on average")


def distance(a, b):
    """Kolmogorov and Smirnov's: the largest difference of the two samples' distribution functions."""
    a, b = np.sort(a), np.sort(b)
    both = np.concatenate([a, b])
    return abs(np.searchsorted(a, both, "right") / len(a) - np.searchsorted(b, both, "right") / len(b)).max()


def same_law(ours, theirs, what):
    """At the 1 % level; seeds are fixed, so that the outcome is."""
    d, limit = distance(ours, theirs), 1.628 * np.sqrt(1 / len(ours) + 1 / len(theirs))
    print(f"{what}: D = {d:.4f}, limit {limit:.4f}")
    check(d < limit, f"{what} is not distributed as torchvision's")


def numbers(*words):
    return np.array([line.split() for line in run(*words).stdout.decode().splitlines()])


def crops(width, height, scale, ratio, count=10000):
    ours = numbers("crops", count, width, height, *scale, *ratio).astype(float)
    torch.manual_seed(3)
    picture = torch.zeros(1, height, width)
    theirs = np.array([transforms.RandomResizedCrop.get_params(picture, list(scale), list(ratio)) for _ in range(count)], dtype=float)
    for what, of in (("area", lambda v: v[:, 2] * v[:, 3]), ("ratio", lambda v: v[:, 3] / v[:, 2]),
                     ("top", lambda v: v[:, 0] / np.maximum(height - v[:, 2], 1)), ("left", lambda v: v[:, 1] / np.maximum(width - v[:, 3], 1)),
                     ("middle row", lambda v: v[:, 0] + v[:, 2] / 2), ("middle column", lambda v: v[:, 1] + v[:, 3] / 2)):
        same_law(of(ours), of(theirs), f"{what} of crops of {width} x {height}")


def jitter(brightness, contrast, saturation, hue, count=10000):
    ours = numbers("jitter", count, brightness, contrast, saturation, hue)
    t = transforms.ColorJitter(brightness, contrast, saturation, hue)
    torch.manual_seed(4)
    theirs = [t.get_params(t.brightness, t.contrast, t.saturation, t.hue) for _ in range(count)]
    for i, what in enumerate(("brightness", "contrast", "saturation", "hue")):
        same_law(ours[:, i].astype(float), np.array([draw[i + 1] for draw in theirs]), what)
    orders = sorted({"".join(map(str, draw[0].tolist())) for draw in theirs})
    place = {order: i for i, order in enumerate(orders)}
    check(len(orders) == 24, "torchvision draws every order")
    same_law(np.array([place[order] for order in ours[:, 4]]), np.array([place["".join(map(str, draw[0].tolist()))] for draw in theirs]),
             "order of the colour changes")


odd_pictures()
orientations()
orientation_places()
colours()
evaluation()
crops(500, 375, (0.08, 1), (3 / 4, 4 / 3))
crops(320, 75, (0.3, 1), (3 / 4, 4 / 3))
jitter(0.4, 0.4, 0.4, 0.1)
jitter(1.5, 0.2, 1.0, 0.5)
sys.exit(failures != 0)
