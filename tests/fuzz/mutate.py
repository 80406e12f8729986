#!/usr/bin/python3
"""Changes small files of each kind at random and gives them to the program as a user would: it must not crash, hang, or take memory beyond 20 x
the file or 200 MB, and what it refuses it refuses in one line and with the right code. usage: mutate.py PROGRAM N SEED [KIND] (N for each kind;
10,000 are the measure)"""
import collections
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.realpath(__file__))
LONGEST, MEGABYTES, TIMES, MOST_SHOWN = 10, 200, 20, 10
NUMBERS = [bytes(8), b"\xff" * 8, struct.pack("<Q", 1 << 31), struct.pack(">Q", 1 << 31), struct.pack("<Q", 1 << 62), b"\x7f" + b"\xff" * 7]


def mutate(rng, data, others):
    """A few changes, as bad disks, bad copies and bad programs make them."""
    data = bytearray(data)
    for _ in range(1 + int(rng.expovariate(0.7))):
        size = len(data)
        if size == 0:
            break
        at = rng.randrange(min(size, rng.choice((256, 4096, size))))
        length = min(size - at, int(2 ** rng.uniform(0, 10)))
        how = rng.randrange(8)
        if how < 2:
            data[at] ^= 1 << rng.randrange(8)
        elif how == 2:
            number = rng.choice(NUMBERS)[:rng.choice((1, 2, 4, 8))]
            data[at:at + len(number)] = number
        elif how == 3:
            data[at:at + length] = bytes(length)
        elif how == 4:
            del data[at:at + length]
        elif how == 5:
            data[at:at] = data[at:at + length]
        elif how == 6:
            other = rng.choice(others)
            begin = rng.randrange(len(other)) if other else 0
            data[at:at + length] = other[begin:begin + length]
        else:
            del data[rng.randrange(size):]
    return bytes(data)


class Kind:
    """Files of a kind, where a changed one goes, and the commands that read it. Codes: what may come."""

    def __init__(self, seeds, target, commands, codes=(0, 65)):
        self.seeds, self.target, self.commands, self.codes = seeds, target, commands, codes


def seeds_of(reader, cut=0, until=None):
    folder = f"{HERE}/corpus/{reader}"
    files = [open(f"{folder}/{name}", "rb").read() for name in sorted(os.listdir(folder))]
    return [f[cut:].split(until)[0] if until else f[cut:] for f in files]


def prepare(program, work):
    """A checkpoint that the program has made, and the folders that are packed."""
    def run(*arguments):
        subprocess.run([program, *arguments], check=True, stdout=subprocess.DEVNULL, env=environment())
    for name in ("mnist", "cifar-10-batches-bin", "pictures/a", "pictures/b"):
        os.makedirs(f"{work}/{name}")
    pictures, labels = seeds_of("idx")[0].split(b"\n--- labels\n")
    pictures, labels = struct.pack(">IIII", 0x803, 8, 28, 28) + bytes(range(256)) * 24 + bytes(128), struct.pack(">II", 0x801, 8) + bytes(range(8))
    for part in ("train", "t10k"):
        open(f"{work}/mnist/{part}-images-idx3-ubyte", "wb").write(pictures)
        open(f"{work}/mnist/{part}-labels-idx1-ubyte", "wb").write(labels)
    run("pack", "mnist", f"{work}/mnist", f"{work}/set")
    job = f"name: x\nmodel: {{name: lenet5}}\ndata: {{train: {work}/set/train.h5, val: {work}/set/val.h5, eval: [resize: {{size: 28}}, center_crop: {{size: 28}}]}}\ntrain: {{epochs: 1, batch: 4, lanes: 2}}\noptimizer: {{name: sgd, lr: 0.01}}\n"
    open(f"{work}/job.yaml", "w").write(job)
    run("train", f"{work}/job.yaml", "--out", f"{work}/run")
    for kind in ("a", "b"):
        for i, picture in enumerate(seeds_of("picture")[:4]):
            open(f"{work}/pictures/{kind}/{i}.png", "wb").write(picture)
    open(f"{work}/picture.png", "wb").write(seeds_of("picture")[-1])
    records = seeds_of("cifar", 1, b"\n--- names\n")[0]
    for name in ("data_batch_1.bin", "test_batch.bin"):
        open(f"{work}/cifar-10-batches-bin/{name}", "wb").write(records)
    return job.encode()


def kinds(program, work):
    job = prepare(program, work)
    saved, checkpoint, out = f"{work}/run/last.h5", f"{work}/changed.h5", f"{work}/out"
    short = ("train.max_steps=1", "train.epochs=1", "--out", out)
    return {
        "checkpoint": Kind([open(saved, "rb").read()] + seeds_of("checkpoint"), checkpoint, [
            ("inspect", checkpoint), ("digest", checkpoint), ("eval", checkpoint, f"{work}/set/val.h5"), ("predict", checkpoint, f"{work}/picture.png"),
            ("train", f"{work}/job.yaml", f"init.from={checkpoint}", *short)]),
        "resume": Kind([open(saved, "rb").read()], f"{work}/resumed/last.h5", [("train", f"{work}/job.yaml", "--resume", "--out", f"{work}/resumed")]),
        "dataset": Kind([open(f"{work}/set/train.h5", "rb").read()] + seeds_of("dataset"), checkpoint, [
            ("inspect", checkpoint), ("inspect", "--verify", checkpoint), ("eval", saved, checkpoint),
            ("train", f"{work}/job.yaml", f"data.train={checkpoint}", *short)], (0, 64, 65)),  # 64: not what the job makes of it
        "picture": Kind(seeds_of("picture"), f"{work}/pictures/a/changed.png", [
            ("predict", saved, f"{work}/pictures/a/changed.png"), ("pack", "folder", f"{work}/pictures", out)]),
        "idx": Kind([open(f"{work}/mnist/train-images-idx3-ubyte", "rb").read()], f"{work}/mnist/train-images-idx3-ubyte",
                    [("pack", "mnist", f"{work}/mnist", out)]),
        "cifar": Kind([open(f"{work}/cifar-10-batches-bin/test_batch.bin", "rb").read()], f"{work}/cifar-10-batches-bin/test_batch.bin",
                      [("pack", "cifar10", work, out)]),
        "job": Kind([job] + seeds_of("job"), f"{work}/changed.yaml", [("train", f"{work}/changed.yaml", *short)], (0, 64, 65, 74)),
    }


def environment():
    return dict(os.environ, OMP_NUM_THREADS="1", OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")


def run(command):
    """Exit code (negative: a signal; None: hangs), megabytes, and standard error."""
    with tempfile.TemporaryFile() as err:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err, env=environment(), start_new_session=True)
        hung = threading.Event()
        timer = threading.Timer(LONGEST, lambda: (hung.set(), os.killpg(process.pid, signal.SIGKILL)))
        timer.start()
        _, status, usage = os.wait4(process.pid, 0)
        timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        err.seek(0)
        return None if hung.is_set() else process.returncode, usage.ru_maxrss / 1024, err.read().decode(errors="replace")


def judge(kind, command, data, code, megabytes, err):
    wrong = []
    if code is None:
        return ["hangs"]
    if code not in kind.codes:
        wrong.append(f"ended with {code}")
    lines = sum(line.startswith("shoal: ") for line in err.splitlines())
    if lines != (code != 0) and "--verify" not in command:  # that names each bad picture
        wrong.append(f"{lines} error lines")
    if megabytes > max(MEGABYTES, TIMES * len(data) / 1e6):
        wrong.append(f"{megabytes:.0f} MB for {len(data)} bytes")
    return wrong


def main(program, count, seed, only=None):
    failed = 0
    keep = tempfile.mkdtemp(prefix="mutate-found-")
    with tempfile.TemporaryDirectory(prefix="mutate-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as work:
        table = kinds(os.path.realpath(program), work)
        for name, kind in table.items():
            if only and name != only:
                continue
            found = 0
            codes, started = collections.Counter(), time.monotonic()
            os.makedirs(os.path.dirname(kind.target), exist_ok=True)
            before = open(kind.target, "rb").read() if os.path.exists(kind.target) else None
            for index in range(int(count)):
                rng = random.Random(f"{seed}/{name}/{index}")
                data = mutate(rng, rng.choice(kind.seeds), kind.seeds)
                shutil.rmtree(f"{work}/out", ignore_errors=True)
                if name == "resume":
                    shutil.rmtree(os.path.dirname(kind.target))
                    os.makedirs(os.path.dirname(kind.target))
                open(kind.target, "wb").write(data)
                command = rng.choice(kind.commands)
                code, megabytes, err = run([program, *command])
                codes[code] += 1
                if wrong := judge(kind, command, data, code, megabytes, err):
                    failed += 1
                    found += 1
                    open(f"{keep}/{name}-{index}", "wb").write(data)
                    if found <= MOST_SHOWN:
                        print(f"FAILED: {keep}/{name}-{index}: shoal {' '.join(command)}: {'; '.join(wrong)}\n  | " + "\n  | ".join(err.splitlines()[-4:]), flush=True)
            if before is not None:
                open(kind.target, "wb").write(before)
            print(f"{name}: {count} files in {time.monotonic() - started:.0f} s, exit codes " + ", ".join(f"{c} x {n}" for c, n in codes.most_common()), flush=True)
    if not os.listdir(keep):
        os.rmdir(keep)
    print(f"{failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
