"""Faults that come from outside: signals, disks, folders. Each is a class: what is prepared before a start, what is done while it runs, what
is put in order afterwards, and which exit codes are right. What a fault draws, it draws from `rng` when it is made."""
import errno
import fcntl
import os
import resource
import shutil
import signal
import subprocess
import time

DONE, USAGE, BROKEN, IO, REQUEUE = 0, 64, 70, 74, 75


def died(number):
    return 128 + number


class Fault:
    """Nothing happens."""

    name = "none"
    resumable = True  # whether last.h5 is what it was, or newer
    environment = {}
    before = None     # runs in the new process
    alone = False     # for a start without mpirun only

    def __init__(self, rng, place):
        self.rng, self.place = rng, place
        self.moment = rng.choice(("launch", "step", "step", "checkpoint", "checkpoint"))
        self.delay = rng.random()
        self.nth = rng.randint(1, 6)

    def __str__(self):
        return self.name

    def skip(self):
        """Why it cannot be done here, or None."""

    def prepare(self, run):
        pass

    def wait(self, start):
        """Until the moment; False where the start has ended before."""
        if self.moment == "launch":
            return start.until(lambda: False, 0.7 * self.delay) or start.lives()
        if not start.until(start.has_trained):
            return False
        if self.moment == "step":
            start.until(lambda: False, 0.5 * self.delay)
            return start.lives()
        for _ in range(self.nth):
            if not (start.until(lambda: not writing(start.run)) and start.until(lambda: writing(start.run))):
                return False
        return True

    def act(self, start):
        pass

    def undo(self, run):
        pass

    def codes(self, start):
        return {DONE}


def writing(run):
    try:
        return any(".tmp" in name for name in os.listdir(run.folder))
    except OSError:
        return False


class Kill(Fault):
    def __init__(self, rng, place):
        super().__init__(rng, place)
        self.whom = rng.choice(("a rank", "all ranks", "mpirun"))
        self.name = f"kill -9 {self.whom}"

    def act(self, start):
        pids = start.pids()
        self.rng.shuffle(pids)
        start.send({"a rank": pids[:1], "all ranks": pids, "mpirun": [start.process.pid]}[self.whom], signal.SIGKILL)

    def codes(self, start):
        return {DONE, died(signal.SIGKILL)}


class Stop(Fault):
    name = "a rank sleeps"

    def act(self, start):
        pids = start.pids()
        some = self.rng.sample(pids, min(len(pids), self.rng.randint(1, 2)))
        start.send(some, signal.SIGSTOP)
        time.sleep(self.delay)
        start.send(some, signal.SIGCONT)


# Asked to stop; nothing to us; deadly by default.
ASKING = ("TERM", "INT", "USR1", "USR2", "HUP", "XCPU")
HARMLESS = ("PIPE", "XFSZ", "CHLD", "CONT", "URG", "WINCH")
DEADLY = ("QUIT", "ALRM", "VTALRM", "PROF", "IO", "ABRT", "SEGV", "BUS", "FPE", "ILL", "SYS", "TRAP")


class Signal(Fault):
    def __init__(self, rng, place):
        super().__init__(rng, place)
        self.signals = [rng.choice(ASKING * 4 + HARMLESS * 2 + DEADLY)]
        self.whom = rng.choice(("a rank", "all ranks", "mpirun"))
        if rng.random() < 0.5:
            self.signals.append(rng.choice(ASKING) if rng.random() < 0.5 else self.signals[0])
        self.pause = rng.random() ** 3 * 0.3
        self.name = f"signal to {self.whom}"

    def __str__(self):
        return f"{self.name}: {', '.join(self.signals)} at {self.moment}"

    def act(self, start):
        pids = start.pids() if self.whom != "mpirun" else [start.process.pid]
        if self.whom == "a rank":
            pids = self.rng.sample(pids, min(1, len(pids)))
        for name in self.signals:
            start.send(pids, getattr(signal, f"SIG{name}"))
            time.sleep(self.pause)

    def codes(self, start):
        numbers = [getattr(signal, f"SIG{name}") for name in self.signals]
        right = {DONE, REQUEUE}
        early = not start.said()  # before the program has set its handlers
        for name, number in zip(self.signals, numbers):
            if name in DEADLY or early:
                right.add(died(number))
            if name in ("XFSZ", "PIPE"):
                right.add(IO)
        if self.whom == "mpirun" and start.ranks > 0:  # launchers have their own ways
            right |= {1, died(signal.SIGKILL), died(signal.SIGTERM), died(signal.SIGSEGV)} | {died(n) for n in numbers}
        return right


class FileSize(Fault):
    name = "file-size limit"
    alone = True  # MPI's own files would meet it first

    def __init__(self, rng, place):
        super().__init__(rng, place)
        self.most = int(10 ** rng.uniform(2.5, 5.7))
        self.before = self.limit

    def limit(self):
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.most, resource.RLIM_INFINITY))

    def codes(self, start):
        return {DONE, IO, died(signal.SIGXFSZ)} if not start.said() else {DONE, IO}


class Fill(Fault):
    """The run folder lies on a small file system, and that is filled."""

    name = "full file system"

    def skip(self):
        return None if os.path.ismount(self.place) else "needs root and a tmpfs"

    def act(self, start):
        with open(f"{self.place}/filler", "wb", buffering=0) as f:
            try:
                for size in (1 << 16, 1 << 10, 1):
                    try:
                        while True:
                            f.write(b"x" * size)
                    except OSError as e:
                        if e.errno != errno.ENOSPC:
                            raise
            finally:
                f.flush()

    def undo(self, run):
        if os.path.exists(f"{self.place}/filler"):
            os.unlink(f"{self.place}/filler")

    def codes(self, start):
        return {DONE, IO}


class Moved(Fault):
    name = "run folder moved away"

    def act(self, start):
        if os.path.isdir(start.run.folder):
            os.rename(start.run.folder, f"{start.run.folder}-moved")

    def undo(self, run):
        if os.path.isdir(f"{run.folder}-moved"):
            shutil.rmtree(run.folder, ignore_errors=True)  # a start may have made a new one
            os.rename(f"{run.folder}-moved", run.folder)

    def codes(self, start):
        return {DONE, IO}


class Removed(Moved):
    name = "run folder removed"
    resumable = False

    def act(self, start):
        shutil.rmtree(start.run.folder, ignore_errors=True)

    def undo(self, run):
        pass


class Locked(Fault):
    name = "run folder locked"

    def attribute(self, folder, how):
        return subprocess.run(["chattr", how, folder], stderr=subprocess.DEVNULL).returncode == 0

    def skip(self):
        if os.geteuid() != 0:
            return None
        works = shutil.which("chattr") and self.attribute(self.place, "+i") and self.attribute(self.place, "-i")
        return None if works else "needs chattr +i"

    def act(self, start):
        if os.geteuid() == 0:
            self.attribute(start.run.folder, "+i")
        elif os.path.isdir(start.run.folder):
            os.chmod(start.run.folder, 0o555)

    def undo(self, run):
        if os.geteuid() == 0:
            self.attribute(run.folder, "-i")
        elif os.path.isdir(run.folder):
            os.chmod(run.folder, 0o755)

    def codes(self, start):
        return {DONE, IO}


class FlockedFiles(Fault):
    """Somebody holds locks on the checkpoints, as a reader may."""

    name = "checkpoints flocked"

    def prepare(self, run):
        how = self.rng.choice((fcntl.LOCK_SH, fcntl.LOCK_EX))
        files = {os.stat(p).st_ino: p for p in run.checkpoints()}  # several names of one file are one
        self.held = [open(p, "r+b") for p in files.values()]
        for f in self.held:
            fcntl.flock(f, how)

    def undo(self, run):
        for f in self.held:
            f.close()

    def codes(self, start):
        return {DONE, IO}


class Second(Fault):
    """A second start in the folder of one that lives: it is refused, and the first does not notice."""

    name = "second start"

    def __init__(self, rng, place):
        super().__init__(rng, place)
        self.moment = "step"
        self.resumes = rng.random() < 0.5
        self.wrong = None

    def act(self, start):
        run = start.run
        command = run.program.command(0, "train", run.job, "--out", run.folder, *["--resume"] * self.resumes)
        second = subprocess.run(command, capture_output=True, text=True, timeout=60, env=run.program.environment)
        if start.pids() and "\ndone: " not in start.said() and second.returncode != USAGE:  # so the first owns the folder
            self.wrong = f"the second start ended with {second.returncode}: {second.stderr.strip()[-200:]}"


FAULTS = {Kill: 6, Stop: 2, Signal: 8, FileSize: 1, Fill: 2, Moved: 1, Removed: 1, Locked: 1, FlockedFiles: 1, Second: 2}
