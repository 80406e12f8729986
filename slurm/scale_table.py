#!/usr/bin/env python3
"""The end of scale.sbatch: scale_table.py FOLDER reads results.jsonl there, prints table.txt and draws scale.png."""
import json
import sys


def read(path):
    """{"strong": [lines of the program, by rising number of nodes], "weak": […]}"""
    kinds = {}
    with open(path) as lines:
        for line in map(json.loads, lines):
            kinds.setdefault(line["scaling"], []).append(line)
    return {kind: sorted(runs, key=lambda run: run["nodes"]) for kind, runs in kinds.items()}


def speedups(runs):
    first = runs[0]["images_per_s"] / runs[0]["nodes"]
    return [run["images_per_s"] / first for run in runs]


def table(kinds):
    out = []
    for kind, runs in kinds.items():
        out += [f"{runs[0]['model']}, {kind} scaling: {'the same batch on all nodes' if kind == 'strong' else 'the same batch a node'}",
                f"{'nodes':>6s} {'ranks':>6s} {'threads':>8s} {'batch':>7s} {'lanes':>6s} {'images/s':>10s} {'step s':>9s} "
                f"{'waiting s':>10s} {'speedup':>8s} {'efficiency':>11s}"]
        for run, speedup in zip(runs, speedups(runs)):
            out.append(f"{run['nodes']:6d} {run['ranks']:6d} {run['threads']:8d} {run['batch']:7d} {run['lanes']:6d} "
                       f"{run['images_per_s']:10.1f} {run['step_s'][0]:9.4f} {run['comm_s']:10.4f} {speedup:8.2f} {100 * speedup / run['nodes']:10.1f} %")
        out.append("")
    return "\n".join(out)


def plot(kinds, path):
    try:
        import matplotlib
    except ImportError:
        return f"no plot: this node's python3 has no matplotlib (Debian: python3-matplotlib); elsewhere: {' '.join(sys.argv)}"
    matplotlib.use("Agg")
    from matplotlib import pyplot
    figure, axes = pyplot.subplots(figsize=(6, 4.5))
    nodes = sorted({run["nodes"] for runs in kinds.values() for run in runs})
    axes.plot(nodes, nodes, color="grey", linestyle="dotted", label="ideal")
    for kind, runs in kinds.items():
        axes.plot([run["nodes"] for run in runs], speedups(runs), marker="o", label=kind)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    axes.set_xticks(nodes, nodes)
    axes.set_yticks(nodes, nodes)
    axes.set_xlabel("nodes")
    axes.set_ylabel("images/s : images/s of one node")
    axes.set_title(next(iter(kinds.values()))[0]["model"])
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    return f"plot: {path}"


def main():
    folder = sys.argv[1]
    kinds = read(f"{folder}/results.jsonl")
    text = table(kinds)
    with open(f"{folder}/table.txt", "w") as f:
        f.write(text)
    print(text)
    print(plot(kinds, f"{folder}/scale.png"))


main()
