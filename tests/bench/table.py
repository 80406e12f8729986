#!/usr/bin/python3
"""From the JSON lines of tests/bench/run.sh to a table and a picture.

usage: table.py FOLDER     reads FOLDER/results.jsonl, writes FOLDER/table.txt (printed, too) and FOLDER/table.png
"""
import collections, json, os, statistics, sys

# What is asked for: speed and peak memory as ratios to PyTorch's.
SPEED = {"resnet50": 1.7, "vgg16": 3.3, "vgg16_bn": 3, "resnet18": 2, "resnet20": 2, "lenet5": 5}
MEMORY = {"resnet50": 0.8, "vgg16": 0.7}
COMPARED = ("1-thread", "2-threads", "avx2")


class Row:
    """A model in a case: the rounds of both sides."""

    def __init__(self):
        self.rates = {"shoal": collections.defaultdict(float), "peer": collections.defaultdict(float)}
        self.megabytes = {"shoal": [], "peer": []}

    def add(self, line):
        # the two copies of Shoal are two lines of one round
        self.rates[line["side"]][line["round"]] += line.get("img_s_total", line.get("images_per_s"))
        self.megabytes[line["side"]].append(line["rss_mb"])

    def rate(self, side):
        return statistics.median(self.rates[side].values()) if self.rates[side] else None

    def memory(self, side):
        return statistics.median(self.megabytes[side]) if self.megabytes[side] else None


def read(path):
    rows = collections.defaultdict(Row)
    with open(path) as lines:
        for text in lines:
            line = json.loads(text)
            rows[line["model"], line["case"]].add(line)
    return rows


def ratio(a, b):
    return a / b if a is not None and b else None


def text(value, form):
    return "-" if value is None else form.format(value)


def processor():
    with open("/proc/cpuinfo") as f:
        names = [line.split(":", 1)[1].strip() for line in f if line.startswith("model name")]
    return f"{names[0] if names else 'unknown processor'}, {os.cpu_count()} cores"


def table(rows):
    out = [processor(), "",
           f"{'model':10s} {'case':10s} {'Shoal':>9s} {'PyTorch':>9s} {'ratio':>6s} {'asked':>6s} "
           f"{'Shoal':>8s} {'PyTorch':>8s} {'ratio':>6s} {'asked':>6s}",
           f"{'':10s} {'':10s} {'images/s':>9s} {'images/s':>9s} {'':6s} {'':6s} {'MB':>8s} {'MB':>8s} {'':6s} {'':6s}"]
    for (model, case), row in rows.items():
        asked = SPEED.get(model) if case in COMPARED else None
        asked_memory = MEMORY.get(model) if case == "1-thread" else None
        out.append(f"{model:10s} {case:10s} {text(row.rate('shoal'), '{:9.2f}'):>9s} {text(row.rate('peer'), '{:9.2f}'):>9s} "
                   f"{text(ratio(row.rate('shoal'), row.rate('peer')), '{:.2f}'):>6s} {text(asked, '{:.1f}'):>6s} "
                   f"{text(row.memory('shoal'), '{:.0f}'):>8s} {text(row.memory('peer'), '{:.0f}'):>8s} "
                   f"{text(ratio(row.memory('shoal'), row.memory('peer')), '{:.2f}'):>6s} {text(asked_memory, '{:.1f}'):>6s}")
    return out + [""] + notes(rows)


def notes(rows):
    """Cases of one side that are held against each other."""
    out = []
    for model in dict.fromkeys(model for model, _ in rows):
        ranks, copies = rows.get((model, "2-ranks")), rows.get((model, "2-copies"))
        for side, name in (("shoal", "Shoal"), ("peer", "PyTorch")):
            kept = ratio(ranks.rate(side), copies.rate(side)) if ranks and copies else None
            if kept is not None:
                out.append(f"{model}: two ranks of {name} reach {kept:.3f} of two copies" + (" (asked: 0.97)" if side == "shoal" else ""))
        again, plain = rows.get((model, "recompute")), rows.get((model, "1-thread"))
        if again and plain and again.rate("shoal") and plain.rate("shoal"):
            less = 1 - again.memory("shoal") / plain.memory("shoal")
            more = plain.rate("shoal") / again.rate("shoal") - 1
            out.append(f"{model}: recompute takes {100 * less:.0f} % less memory and {100 * more:.0f} % more time" +
                       (" (asked: at least 40, less than 30)" if model == "resnet50" else ""))
    return out


def picture(rows, path):
    try:
        import matplotlib
    except ImportError:
        print("no picture: matplotlib is missing (Debian: python3-matplotlib)", file=sys.stderr)
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot
    ratios = {key: ratio(row.rate("shoal"), row.rate("peer")) for key, row in rows.items()}
    ratios = {key: value for key, value in ratios.items() if value is not None}
    if not ratios:
        return
    models, cases = list(dict.fromkeys(m for m, _ in ratios)), list(dict.fromkeys(c for _, c in ratios))
    figure, axes = pyplot.subplots(figsize=(10, 4.5))
    width = 0.8 / len(cases)
    for i, case in enumerate(cases):
        bars = [ratios.get((model, case), 0) for model in models]
        axes.bar([place + (i - (len(cases) - 1) / 2) * width for place in range(len(models))], bars, width, label=case)
    for place, model in enumerate(models):
        if model in SPEED:
            label = "asked (1 and 2 threads, avx2)" if place == 0 else None
            axes.hlines(SPEED[model], place - 0.42, place + 0.42, colors="black", linestyles="dotted", label=label)
    axes.axhline(1, color="grey", linewidth=1)
    axes.set_xticks(range(len(models)), models)
    axes.set_ylabel("images/s, Shoal : PyTorch")
    axes.set_title(processor(), fontsize=9)
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def main():
    folder = sys.argv[1]
    rows = read(f"{folder}/results.jsonl")
    lines = "\n".join(table(rows)) + "\n"
    with open(f"{folder}/table.txt", "w") as f:
        f.write(lines)
    print(lines, end="")
    picture(rows, f"{folder}/table.png")


if __name__ == "__main__":
    main()
