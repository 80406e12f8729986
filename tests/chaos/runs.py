"""A run folder, and one start of the program in it."""
import json
import os
import re
import signal
import subprocess
import time

LONGEST = 90  # seconds; what takes longer hangs
LAUNCH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../slurm/launch.sh")


class Program:
    """The program under test and how it is launched."""

    def __init__(self, path, work):
        self.path, self.work = os.path.realpath(path), work
        self.environment = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", OMP_WAIT_POLICY="passive")

    def launcher(self, ranks):
        """The words in front of the program's."""
        words = subprocess.run(["bash", "-c", '. "$1" && launch_here "$2" && printf "%s\\n" "${launch[@]}"', "bash", LAUNCH, str(ranks)],
                               capture_output=True, text=True, check=True)
        return words.stdout.splitlines()

    def command(self, ranks, *arguments):
        return ([] if ranks == 0 else self.launcher(ranks)) + [self.path, *arguments]

    def ask(self, *arguments):
        """A subcommand without MPI: exit code and standard output."""
        done = subprocess.run(self.command(0, *arguments), capture_output=True, text=True, timeout=LONGEST, env=self.environment)
        return done.returncode, done.stdout

    def call(self, *arguments):
        code, out = self.ask(*arguments)
        if code != 0:
            raise SystemExit(f"{' '.join(arguments)}: ended with {code}")
        return out

    def step_of(self, checkpoint):
        """The step of a whole checkpoint, or None."""
        code, out = self.ask("inspect", checkpoint)
        found = re.search(r"^step ([\d,]+)", out, re.M)
        return int(found[1].replace(",", "")) if code == 0 and found else None


class Run:
    """A run folder: what is in it, and what the program has promised."""

    def __init__(self, program, job, folder, began):
        self.program, self.job, self.folder, self.began = program, job, folder, began
        self.promised = 0        # the step from which a resume must go on at least
        self.reached = 0         # the last step that was seen
        self.faults = []         # their names

    def path(self, name):
        return f"{self.folder}/{name}"

    def checkpoints(self):
        """In the order in which they are resumed from."""
        names = os.listdir(self.folder) if os.path.isdir(self.folder) else []
        numbered = sorted((n for n in names if re.fullmatch(r"step-\d+\.h5", n)), key=lambda n: -int(n[5:-3]))
        fixed = [[n] if n in names else [] for n in ("last.h5", "previous.h5", "best.h5")]
        return [self.path(n) for n in fixed[0] + fixed[1] + numbered + fixed[2]]

    def contents(self):
        """Name, size and time of everything that is a checkpoint: what a failed start must not touch."""
        return [(p, s.st_size, s.st_mtime_ns) for p in self.checkpoints() for s in [os.stat(p)]]

    def events(self):
        found = []
        try:
            with open(self.path("metrics.jsonl"), errors="replace") as f:
                for line in f:
                    try:
                        found.append(json.loads(line))
                    except ValueError:
                        pass  # the last line of a run that was killed
        except OSError:
            pass
        return found

    def evaluations(self):
        return {e["step"]: (e["loss"], e["top1"]) for e in self.events() if e["event"] == "eval"}

    def last_step(self):
        return max((e["step"] for e in self.events()[-40:] if "step" in e), default=0)


class Start:
    """One start of a run, in the background."""

    count = 0

    def __init__(self, run, ranks, threads, environment=None, before=None, arguments=()):
        Start.count += 1
        self.run, self.ranks = run, ranks
        self.token = f"chaos-{os.getpid()}-{Start.count}"
        self.out, self.err = f"{run.program.work}/out", f"{run.program.work}/err"
        command = run.program.command(ranks, "train", run.job, "--out", run.folder, "--resume", *arguments)
        environment = dict(run.program.environment, OMP_NUM_THREADS=str(threads), CHAOS_START=self.token, **(environment or {}))
        with open(self.out, "w") as out, open(self.err, "w") as err:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environment, preexec_fn=before,
                                            start_new_session=True)

    def pids(self):
        """The ranks: processes of the program that this start has started; a helper that a rank has started is none."""
        found = {}
        for name in os.listdir("/proc"):
            try:
                if not name.isdigit() or os.readlink(f"/proc/{name}/exe") != self.run.program.path:
                    continue
                with open(f"/proc/{name}/environ", "rb") as f:
                    if f"CHAOS_START={self.token}".encode() not in f.read().split(b"\0"):
                        continue
                with open(f"/proc/{name}/stat") as f:
                    found[int(name)] = int(f.read().rsplit(")", 1)[1].split()[1])
            except OSError:
                pass
        return [pid for pid, parent in found.items() if parent not in found]

    def send(self, pids, number):
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def lives(self):
        return self.process.poll() is None

    def until(self, condition, seconds=LONGEST):
        """Waits for a condition; False where the start has ended before."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.lives():
            if condition():
                return True
            time.sleep(0.0005)
        return False

    def end(self):
        """Exit code as a shell would say it; None where it hangs. Nothing is left running."""
        try:
            code = self.process.wait(LONGEST)
        except subprocess.TimeoutExpired:
            code = None
        orphans_end = time.monotonic() + 15
        while code is not None and self.pids() and time.monotonic() < orphans_end:
            time.sleep(0.01)
        self.orphans = len(self.pids()) if code is not None else 0
        if code is None or self.orphans:
            self.send(self.pids() + ([self.process.pid] if code is None else []), signal.SIGKILL)
            self.process.wait()
        return 128 - code if code is not None and code < 0 else code

    def said(self):
        with open(self.out, errors="replace") as f:
            return f.read()

    def complained(self):
        with open(self.err, errors="replace") as f:
            return f.read()

    def resumed_at(self):
        found = re.search(r"^resuming from .* at step (\d+)", self.said(), re.M)
        return int(found[1]) if found else None

    def has_trained(self):
        """Whether a step of this start is on record."""
        return re.search(r"^Epoch ", self.said(), re.M) is not None
