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
OTHER_FORMATS = {"imageNotFound.gif": "GIF"}
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


def pillow(path, mode="RGB"):
    try:
        im = Image.open(path)
        if im.format != "TIFF":  # that it turns by itself
            im = ImageOps.exif_transpose(im)
        return np.asarray(im.convert(mode)).astype(int)
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


def tiff(array, order="<", photometric=None, tile=None, planar=False, deflate=False, more=(), big=False):
    """A TIFF file of an array [h, w, c]; `tile`: (height, width); `more`: entries of type SHORT, (tag, values)."""
    h, w, c = array.shape
    kind = array.dtype.kind
    th, tw = tile or (3, w)
    planes = [array[:, :, i:i + 1] for i in range(c)] if planar else [array]
    blocks = []
    for plane in planes:
        for top in range(0, h, th):
            for left in range(0, w, tw):
                block = plane[top:top + th, left:left + tw]
                if tile:
                    block = np.pad(block, ((0, th - block.shape[0]), (0, tw - block.shape[1]), (0, 0)))
                data = block.astype(array.dtype.newbyteorder(order)).tobytes()
                blocks.append(zlib.compress(data) if deflate else data)
    short, long = (3, "H"), (4, "I")
    photometric = (2 if c >= 3 else 1) if photometric is None else photometric
    entries = {256: (long, [w]), 257: (long, [h]), 258: (short, [8 * array.itemsize] * c), 259: (short, [8 if deflate else 1]),
               262: (short, [photometric]), 277: (short, [c]), 284: (short, [2 if planar else 1]), 339: (short, [{"u": 1, "i": 2, "f": 3}[kind]] * c)}
    entries |= {322: (short, [tw]), 323: (short, [th])} if tile else {278: (short, [th])}
    entries |= {tag: (short, list(values)) for tag, values in more}
    at, out = 16 if big else 8, b""
    places, sizes = (324, 325) if tile else (273, 279)
    offsets = []
    for data in blocks:
        offsets.append(at + len(out))
        out += data + b"\0" * (len(data) % 2)
    entries |= {places: (long, offsets), sizes: (long, [len(b) for b in blocks])}
    directory, extra = b"", b""
    start = at + len(out)
    room, n_format, count_format = (8, "Q", "Q") if big else (4, "H", "I")
    behind = start + struct.calcsize(order + n_format) + len(entries) * (4 + 2 * room) + room
    for tag in sorted(entries):
        (number, letter), values = entries[tag]
        data = struct.pack(order + letter * len(values), *values)
        if len(data) > room:
            extra, data = extra + data + b"\0" * (len(data) % 2), struct.pack(order + count_format, behind + len(extra))
        directory += struct.pack(order + "HH" + count_format, tag, number, len(values)) + data.ljust(room, b"\0")
    head = (b"II" if order == "<" else b"MM") + (struct.pack(order + "HHHQ", 43, 8, 0, start) if big else struct.pack(order + "HI", 42, start))
    return head + out + struct.pack(order + n_format, len(entries)) + directory + bytes(room) + extra


def tiff_files():
    """{name: (content, the RGB that it is, or None for what Pillow makes of it)}"""
    rng = np.random.default_rng(5)
    h, w = 21, 37
    grey, wide = rng.integers(0, 256, (h, w, 1)).astype(np.uint8), rng.integers(0, 65536, (h, w, 1)).astype(np.uint16)
    rgb, more = rng.integers(0, 256, (h, w, 3)).astype(np.uint8), rng.integers(0, 256, (h, w, 6)).astype(np.uint8)
    deep, real = rng.integers(0, 65536, (h, w, 4)).astype(np.uint16), (rng.random((h, w, 3)) * 300 - 20).astype(np.float32)
    colormap = rng.integers(0, 65536, 768).astype(np.uint16).tolist()
    real[0, :3, 0] = (np.nan, np.inf, -np.inf)
    cut = np.where(real >= 255, 255, np.where(real > 0, real, 0)).astype(np.uint8)
    spread = lambda a: np.repeat(a[:, :, :1], 3, 2)  # noqa: E731
    files = {}
    for order in "<>":
        for storage, options in (("", {}), (", tiles", {"tile": (16, 32)}), (", deflated", {"deflate": True}),
                                 (", tiles deflated", {"tile": (32, 16), "deflate": True})):
            name = f"{order}{storage}".replace("<", "little").replace(">", "big")
            both = dict(order=order, **options)
            files |= {f"grey {name}": (tiff(grey, **both), None), f"rgb {name}": (tiff(rgb, **both), None),
                      f"planes {name}": (tiff(rgb, planar=True, **both), rgb), f"deep planes {name}": (tiff(deep, planar=True, more=[(338, [2])], **both), deep[:, :, :3] >> 8),
                      f"16 bits {name}": (tiff(wide, **both), spread(wide) >> 8), f"narrow {name}": (tiff(wide % 200, **both), spread(wide) % 200),
                      f"white is 0 {name}": (tiff(grey, photometric=0, **both), None), f"deep rgb {name}": (tiff(deep[:, :, :3].copy(), **both), None),
                      f"white is 0, 16 bits {name}": (tiff(wide, photometric=0, **both), 255 - (spread(wide) >> 8)),
                      f"real {name}": (tiff(real[:, :, :1].copy(), **both), spread(cut)), f"real rgb {name}": (tiff(real, **both), cut),
                      f"palette {name}": (tiff(grey, photometric=3, more=[(320, colormap)], **both), None),
                      f"cmyk {name}": (tiff(more[:, :, :4].copy(), photometric=5, **both), None)}
        for extra in (0, 1, 2):
            files[f"rgb and one of kind {extra} {order == '<'}"] = (tiff(more[:, :, :4].copy(), order=order, more=[(338, [extra])]), None)
            files[f"rgb and two, {extra} {order == '<'}"] = (tiff(more[:, :, :5].copy(), order=order, more=[(338, [extra, 0])]), None)
            files[f"deep rgb and one of kind {extra} {order == '<'}"] = (tiff(deep, order=order, more=[(338, [extra])]), None)
        files[f"grey and alpha {order == '<'}"] = (tiff(more[:, :, :2].copy(), order=order, photometric=1, more=[(338, [2])]), None)
        files[f"big file {order == '<'}"] = (tiff(rgb, order=order, big=True), rgb)
        for value in range(10):
            files[f"turned {value} {order == '<'}"] = (tiff(rgb, order=order, more=[(274, [value])]), None)
    only = {"group3": ("1",), "group4": ("1",), "jpeg": ("L", "RGB", "CMYK", "YCbCr"), "webp": ("RGB", "RGBA"), None: ("1", "L", "P", "RGB", "RGBA", "LA")}
    for mode in ("1", "L", "P", "RGB", "RGBA", "LA", "CMYK"):
        for packing in (None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "group3", "group4", "lzma", "zstd", "webp"):
            if mode in only.get(packing, mode):
                out = io.BytesIO()
                Image.fromarray(rgb).convert(mode).save(out, "TIFF", compression=packing)
                files[f"{mode} {packing}"] = (out.getvalue(), None)
    out = io.BytesIO()
    Image.fromarray(rgb).save(out, "TIFF", compression="tiff_lzw", tiffinfo={317: 2})
    files["predicted"] = (out.getvalue(), None)
    out = io.BytesIO()
    Image.fromarray(rgb).convert("YCbCr").save(out, "TIFF", compression="jpeg", tiffinfo={274: 6})
    files["turned jpeg"] = (out.getvalue(), None)
    return {f"{name}.tif": value for name, value in files.items()}


def pnm_files():
    rng = np.random.default_rng(6)
    h, w = 7, 13
    files = {}
    for white in (1, 2, 100, 255, 256, 1000, 65535):
        for kind, c in ((2, 1), (3, 3)):
            a = rng.integers(0, white + 1, (h, w, c))
            head = b"P%d # a picture\n#of\n%d %d\n%d\n"
            files[f"text {kind} {white}"] = (head % (kind, w, h, white) + b" ".join(b"%d" % v for v in a.ravel()), None)
            files[f"binary {kind} {white}"] = (head % (kind + 3, w, h, white) + a.astype(">u2" if white > 255 else "u1").tobytes(), None)
            if c == 1 and white > 255:  # Pillow would cut it off
                a = np.rint(a / white * 65535).astype(int)
                expected = np.repeat(a >> 8, 3, 2)
                files = {name: (content, expected if name.endswith(f" {kind} {white}") else e) for name, (content, e) in files.items()}
    bits = rng.integers(0, 2, (h, w))
    files["bits"] = (b"P4 %d %d\n" % (w, h) + np.packbits(bits, 1).tobytes(), None)
    files["text bits"] = (b"P1\n%d %d\n" % (w, h) + b"\n".join(b"".join(b"%d" % v for v in row) for row in bits), None)
    return {f"{name}.pnm": value for name, value in files.items()}


def webp_files():
    rng = np.random.default_rng(7)
    rgba = rng.integers(0, 256, (24, 31, 4)).astype(np.uint8)
    files = {}
    for mode in ("RGB", "RGBA", "L"):
        for options in ({"quality": 80}, {"lossless": True}, {"lossless": True, "exact": True}, {"quality": 10, "exif": b"Exif\0\0" + exif_block()}):
            out = io.BytesIO()
            Image.fromarray(rgba).convert(mode).save(out, "WEBP", **options)
            files[f"{mode} {len(files)}"] = (out.getvalue(), None)
    out = io.BytesIO()
    frames = [Image.fromarray(np.roll(rgba, i, 0)) for i in range(3)]
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:])
    files["frames"] = (out.getvalue(), None)
    return {f"{name}.webp": value for name, value in files.items()}


def formats():
    """TIFF, PNM and WebP in their kinds: Pillow's pixels, or those that were stored where Pillow cannot read them or cuts levels off; of
    some also the grey, and what comes of them cut off: a picture, or an error with the file's name."""
    files = tiff_files() | pnm_files() | webp_files()
    with tempfile.TemporaryDirectory() as folder:
        for i, (name, (content, expected)) in enumerate(files.items()):
            path = os.path.join(folder, name)
            with open(path, "wb") as f:
                f.write(content)
            if i % 3 == 0 and expected is None:
                near(shoal("grey", path)[0], pillow(path, "L"), 0, f"{name}, in grey")
            expected = pillow(path) if expected is None else expected.astype(int)
            found, error = shoal("decode", path)
            check(expected is not None, f"{name}: Pillow cannot read it")
            check(found is not None, f"{name}: {error}")
            if found is not None and expected is not None:
                near(found, expected, 0, name)
            if i % 3:
                continue
            with open(path, "wb") as f:
                f.write(content[:len(content) * 2 // 3])
            check(name in (shoal("decode", path)[1] or name), f"{name}, cut off: no file is named")
    print(f"formats: {len(files)} files")


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
formats()
colours()
evaluation()
crops(500, 375, (0.08, 1), (3 / 4, 4 / 3))
crops(320, 75, (0.3, 1), (3 / 4, 4 / 3))
jitter(0.4, 0.4, 0.4, 0.1)
jitter(1.5, 0.2, 1.0, 0.5)
sys.exit(failures != 0)
