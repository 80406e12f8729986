#!/usr/bin/python3
"""Chaos: small jobs are trained, each start meets a fault at a random moment, the next start resumes on other numbers of ranks and threads;
a run that has come to its end must have the digest and the evaluations of an undisturbed one. usage: chaos.py PROGRAM SHIM N SEED [FIRST]"""
import collections
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile

import damage
import faults
from runs import Program, Run, Start
from tasks import EVERY, TASKS

DATA = 65
KINDS = {**faults.FAULTS, **damage.FAULTS}


class Reference:
    """A task's data, job and undisturbed run."""

    def __init__(self, program, name):
        folder = f"{program.work}/{name}"
        os.makedirs(folder)
        self.name, self.job, self.folder = name, f"{folder}/job.yaml", f"{folder}/undisturbed"
        with open(self.job, "w") as f:
            f.write(TASKS[name](folder, program.call))
        run = Run(program, self.job, self.folder, 0)
        start = Start(run, 0, 1)
        if start.end() != 0:
            raise SystemExit(f"{name}: the undisturbed run failed: {start.complained()}")
        self.digests, self.evaluations = digests(run), run.evaluations()


def digests(run):
    return [run.program.ask("digest", run.path(name)) for name in ("last.h5", "best.h5")]


class Row:
    """What is known of a kind of fault."""

    def __init__(self):
        self.count = self.late = self.resumed = self.equal = self.ended = self.failed = 0
        self.lost = 0
        self.codes = collections.Counter()


class Chaos:
    def __init__(self, program, shim, seed):
        self.program, self.seed = program, seed
        self.place = f"{program.work}/place"  # of the run folders: a small file system, where that can be had
        os.makedirs(self.place)
        shutil.copy(shim, f"{program.work}/shim.so")
        if os.geteuid() == 0:
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "chaos", self.place], stderr=subprocess.DEVNULL)
        self.references = {name: Reference(program, name) for name in TASKS}
        self.rows, self.skipped, self.failures = collections.defaultdict(Row), set(), []
        self.run = None

    def close(self):
        if os.path.ismount(self.place):
            subprocess.run(["umount", "-l", self.place])

    # ---- one fault ----

    def draw(self, rng):
        while True:
            fault = rng.choices(list(KINDS), list(KINDS.values()))[0](rng, self.place)
            why = fault.skip()
            if not why:
                return fault
            self.skipped.add(f"{fault.name}: {why}")

    def begin(self, index, rng):
        self.clear()
        self.reference = self.references[rng.choice(list(TASKS))]
        self.run = Run(self.program, self.reference.job, f"{self.place}/run-{index}", index)

    def clear(self):
        for name in os.listdir(self.place):
            subprocess.run(["chattr", "-i", f"{self.place}/{name}"], stderr=subprocess.DEVNULL)
            path = f"{self.place}/{name}"
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)

    def one(self, index):
        """Starts the run once more, with fault number `index`."""
        rng = random.Random(f"{self.seed}/{index}")
        if self.run is None:
            self.begin(index, rng)
        fault, run = self.draw(rng), self.run
        ranks, threads = rng.choice(((0, 1), (0, 2), (1, 1), (2, 1), (2, 1), (2, 2), (3, 1), (4, 1)))
        ranks = 0 if fault.alone else ranks
        row = self.rows[fault.name]
        row.count += 1
        fault.prepare(run)
        start = Start(run, ranks, threads, fault.environment, fault.before)
        met = fault.wait(start)
        if met:
            fault.act(start)
        code = start.end()
        fault.undo(run)
        row.codes[code] += 1
        row.late += not met
        wrong = self.judge(run, fault, start, code)
        row.lost = max(row.lost, self.lost)
        run.faults.append(fault.name)
        if wrong:
            self.report(index, fault, start, code, wrong)
        elif code == 0:
            self.finished(True)
        elif code == DATA:
            self.run = None

    # ---- what is right ----

    def judge(self, run, fault, start, code):
        """What was wrong with a start, as a list."""
        wrong = []
        allowed = fault.codes(start)
        if isinstance(fault, damage.Damage) and run.promised is None:
            allowed = allowed | {DATA}
        if code is None:
            return ["hangs"]
        if code not in allowed:
            wrong.append(f"ended with {code}, not with {sorted(allowed)}")
        if start.orphans:
            wrong.append(f"{start.orphans} ranks lived on")
        if getattr(fault, "wrong", None):
            wrong.append(fault.wrong)
        wrong += self.judge_lines(start, code) + self.judge_resume(run, fault, start) + self.judge_files(run, fault, start, code)
        return wrong

    def judge_lines(self, start, code):
        lines = [line for line in start.complained().splitlines() if line.startswith("shoal: ")]
        least = 1 if code in (faults.USAGE, DATA, faults.BROKEN, faults.IO, faults.REQUEUE) else 0
        return [] if least <= len(lines) <= 1 else [f"{len(lines)} error lines"]

    def judge_resume(self, run, fault, start):
        """It went on from where it was promised, and lost no more than what had not been saved."""
        at = start.resumed_at()
        self.lost = 0
        if at is None:
            if start.has_trained() and run.promised:
                return [f"began at the beginning, not at step {run.promised}"]
            return []
        if run.faults:
            self.rows[run.faults[-1]].resumed += 1
        if run.promised is not None and at < run.promised:
            return [f"resumed at step {at}, not at {run.promised}"]
        self.lost = max(0, run.reached - at)
        intact = not isinstance(fault, damage.Damage)
        return [f"lost {self.lost} steps"] if intact and self.lost > 2 * EVERY + 10 else []

    def judge_files(self, run, fault, start, code):
        """last.h5 is whole and not older than it was; a start that failed before its first step has touched nothing."""
        last, wrong = run.path("last.h5"), []
        before, run.reached = run.promised, max(run.last_step(), run.promised or 0)
        idle = not start.has_trained() and "(saved)" not in start.complained()
        if isinstance(fault, damage.FailingCall) and idle and code != 0 and run.contents() != fault.contents:
            wrong.append("checkpoints were touched")
        stopped = re.search(r"stopped .* after step (\d+): .* is whole", start.complained())
        if not fault.resumable:
            run.promised = run.program.step_of(last) if os.path.exists(last) else 0
        elif os.path.exists(last) and code != DATA:
            run.promised = run.program.step_of(last)
            if run.promised is None:
                wrong.append("last.h5 is not whole")
            elif run.promised < (before or 0):
                wrong.append(f"last.h5 went back from step {before} to {run.promised}")
            elif stopped and run.promised != int(stopped[1]):
                wrong.append(f"said that step {stopped[1]} is saved; last.h5 has step {run.promised}")
        elif before and code != DATA:
            wrong.append("last.h5 is gone")
        if code == 0 and not wrong:
            wrong += self.judge_end(run)
        return wrong

    def judge_end(self, run):
        wrong = []
        if digests(run) != self.reference.digests:
            wrong.append("the digest is another one")
        if run.evaluations() != self.reference.evaluations:
            wrong.append("the evaluations are others")
        if left := [n for n in os.listdir(run.folder) if ".tmp" in n]:
            wrong.append(f"left behind: {' '.join(left)}")
        return wrong

    # ---- what comes of it ----

    def finished(self, equal):
        for name in self.run.faults:
            self.rows[name].ended += 1
            self.rows[name].equal += equal
        self.run = None

    def report(self, index, fault, start, code, wrong):
        self.rows[fault.name].failed += 1
        count = index - self.run.began + 1
        print(f"FAILED: fault {index}, {fault}, {start.ranks} ranks, exit code {code}: {'; '.join(wrong)}")
        print(f"  again: tests/chaos/run.sh {count} {self.seed} {self.run.began}   (faults before it: {', '.join(self.run.faults[:-1]) or 'none'})")
        for line in start.complained().splitlines()[-6:]:
            print(f"  | {line[:300]}")
        sys.stdout.flush()
        self.failures.append(index)
        if any("digest" in w or "evaluations" in w for w in wrong):
            self.finished(False)
        self.run = None

    def finish_last(self):
        """The run that is under way comes to its end undisturbed."""
        if self.run is None:
            return
        start = Start(self.run, 2, 1)
        code = start.end()
        wrong = self.judge(self.run, faults.Fault(random.Random(0), self.place), start, code)
        if wrong:
            self.report(self.run.began + len(self.run.faults), "undisturbed", start, code, wrong)
        else:
            self.finished(True)

    def table(self):
        print(f"{'fault':28} {'count':>5} {'late':>5} {'resumed':>7} {'lost':>5} {'digest equal':>13} {'failed':>6}  exit codes")
        for name, r in sorted(self.rows.items()):
            codes = ", ".join(f"{c} x {n}" if n > 1 else str(c) for c, n in sorted(r.codes.items(), key=str))
            print(f"{name:28} {r.count:5} {r.late:5} {r.resumed:7} {r.lost:5} {f'{r.equal} of {r.ended}':>13} {r.failed:6}  {codes}")
        for line in sorted(self.skipped):
            print(f"skipped: {line}")


def main(path, shim, count, seed, first=0):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what is mounted is unmounted
    print(f"chaos: {count} faults from number {first}, seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="chaos-") as work:
        chaos = Chaos(Program(path, work), shim, seed)
        try:
            for index in range(int(first), int(first) + int(count)):
                chaos.one(index)
            chaos.finish_last()
            chaos.table()
            chaos.clear()
        finally:
            chaos.close()
    print(f"{count} faults, {len(chaos.failures)} failed")
    return 1 if chaos.failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
