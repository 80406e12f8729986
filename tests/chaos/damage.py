"""Faults of files and calls: system calls that fail, by shim.c, and checkpoints that are damaged between two starts."""
import errno
import os

from faults import BROKEN, DONE, IO, Fault

ERRORS = ("EIO", "ENOSPC", "EDQUOT", "ESTALE", "EMFILE", "EINTR", "short")
OUT_OF_REACH = ("EACCES", "EROFS", "ENOLCK", "EBADF")

# What is called on what: the parts of paths that are of interest.
WRITING = {"write": ("last.h5", "log.txt", "metrics.jsonl", "run"), "pwrite": ("last.h5",), "fsync": ("last.h5", "run"),
           "sync_file_range": ("last.h5",), "rename": ("last.h5", "best.h5", "step-", "job.yaml"), "link": ("best.h5", "step-"),
           "unlink": ("step-", ".tmp"), "ftruncate": ("last.h5",), "close": (".h5", "run"), "fflush": ("metrics.jsonl", "log.txt"),
           "fopen": ("job.yaml", "metrics.jsonl", "log.txt"), "fclose": ("job.yaml", "metrics.jsonl", "log.txt"),
           "open": ("last.h5", "run", ".tmp")}
READING = {"open": ("last.h5", "train.h5", "val.h5", "run"), "pread": ("last.h5", "train.h5", "val.h5"), "read": ("last.h5", "train.h5"),
           "opendir": ("run",), "readdir": ("run",), "mmap": ("train.h5", ".h5"), "fcntl": (".h5", "run"), "close": ("last.h5", "train.h5")}

# A checkpoint must not pass for written where one of these has failed.
MUST_HOLD = ("write", "pwrite", "fsync", "sync_file_range", "rename")


class FailingCall(Fault):
    def __init__(self, rng, place):
        super().__init__(rng, place)
        writes = rng.random() < 0.6
        self.call = rng.choice(list(WRITING if writes else READING))
        self.part = rng.choice((WRITING if writes else READING)[self.call])
        choices = [e for e in ERRORS if e != "short" or self.call in ("write", "pwrite", "read", "pread")]
        self.error = rng.choice(choices + (["ENOMEM"] if self.call == "mmap" else []))
        self.count = int(10 ** rng.uniform(0, 2.5 if self.call in ("pwrite", "pread") else 1.2))
        self.mark = f"{os.path.dirname(place)}/mark"
        self.environment = {"LD_PRELOAD": f"{os.path.dirname(place)}/shim.so", "SHIM_CALL": self.call, "SHIM_PATH": self.part,
                            "SHIM_NTH": str(self.count), "SHIM_ERROR": str(getattr(errno, self.error, 0)), "SHIM_MARK": self.mark}
        if rng.random() < 0.3 and self.error not in ("EINTR", "short"):
            self.environment["SHIM_FOREVER"] = "1"
        if rng.random() < 0.7:
            self.environment["SHIM_RANK"] = "0"
        self.name = f"{self.call} fails"

    def __str__(self):
        shown = " ".join(f"{k}={v}" for k, v in self.environment.items() if k not in ("LD_PRELOAD", "SHIM_MARK"))
        return f"{self.error} from {self.call} no {self.count} on {self.part} ({shown})"

    def prepare(self, run):
        if os.path.exists(self.mark):
            os.unlink(self.mark)
        self.contents = run.contents()

    def where(self):
        """The path on which a call failed; None where none has."""
        if not os.path.exists(self.mark):
            return None
        with open(self.mark, errors="replace") as f:
            return f.readline().strip()

    def wait(self, start):
        start.until(lambda: False)
        return self.where() is not None

    def codes(self, start):
        path = self.where()
        if path is None:
            return {DONE}
        if self.error in ("EINTR", "short"):
            return {DONE, IO}
        if self.call == "mmap":
            return {DONE, IO, BROKEN}
        second_name = self.call == "rename" and "last.h5" not in path  # then a second file is written
        return {IO} if self.call in MUST_HOLD and ".h5" in path and not second_name else {DONE, IO}


class Damage(Fault):
    """Blocks of the newest checkpoint are cut, flipped, zeroed or swapped: an older one is resumed from, or none is left (65)."""

    def __init__(self, rng, place):
        super().__init__(rng, place)
        self.how = rng.choice(("cut", "flip", "zero", "swap", "emptied"))
        self.name = f"checkpoint {self.how}"

    def prepare(self, run):
        found = run.checkpoints()
        if not found:
            return
        victim = os.stat(found[0]).st_ino
        with open(found[0], "rb") as f:
            whole = f.read()
        broken = self.change(bytearray(whole))
        with open(found[0], "r+b") as f:
            f.write(broken)
            f.truncate(len(broken))
        if broken != whole:
            left = [p for p in found if os.stat(p).st_ino != victim]
            run.promised = next((s for p in left for s in [run.program.step_of(p)] if s is not None), None)

    def change(self, data):
        rng, size = self.rng, len(data)
        length = min(size // 2, int(2 ** rng.uniform(0, 16)))
        # the small structures of HDF5 are at the front of the file and at its end
        at = rng.choice((rng.randrange(size - length), rng.randrange(min(4096, size - length)), size - length))
        if self.how == "cut":
            del data[rng.randrange(size):]
        elif self.how == "emptied":
            data.clear()
        elif self.how == "flip":
            data[at] ^= 1 << rng.randrange(8)
        elif self.how == "zero":
            data[at:at + length] = bytes(length)
        else:
            other = rng.randrange(size - length)
            a, b = bytes(data[at:at + length]), bytes(data[other:other + length])
            data[at:at + length], data[other:other + length] = b, a
        return data

    def wait(self, start):
        start.until(lambda: False)
        return True


FAULTS = {FailingCall: 14, Damage: 5}
