#!/usr/bin/python3
"""A checkpoint as others see it: h5py reads it, torchvision's network takes it in one line, its checksums and its digest are those of
zlib and hashlib, and PyTorch computes the same evaluation with it."""
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import zlib

here = os.path.dirname(os.path.abspath(__file__))
shoal = os.environ.get("SHOAL_BIN", f"{here}/../../build/bin/shoal")
try:
    import h5py
    import numpy as np
    import torch
    import torchvision
except ImportError as missing:
    print(f"skipped: needs h5py, torch and torchvision: {missing}")
    sys.exit(77)

failures = 0


def check(what, good):
    global failures
    if not good:
        failures += 1
        print(f"FAILED: {what}")


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout


def text(value):
    """h5py gives text of one width as bytes."""
    return value.decode() if isinstance(value, bytes) else value


def any_length(f):
    found = [k for k in f.attrs if f.attrs.get_id(k).dtype.kind == "O"]

    def visit(name, thing):
        found.extend(f"{name}: {k}" for k in thing.attrs if thing.attrs.get_id(k).dtype.kind == "O")
        if isinstance(thing, h5py.Dataset) and thing.dtype.kind == "O":
            found.append(name)
    f.visititems(visit)
    return found


def stored_bytes(dataset):
    value = dataset[()]
    return np.ascontiguousarray(value).tobytes()


def check_crcs(f):
    def visit(name, thing):
        if isinstance(thing, h5py.Dataset):
            check(f"{name} has its CRC-32", thing.attrs.get("crc32") == zlib.crc32(stored_bytes(thing)))
    f.visititems(visit)


def digest(model):
    h = hashlib.sha256()
    for name in sorted(model, key=str.encode):
        h.update(name.encode() + b"\0" + stored_bytes(model[name]))
    return h.hexdigest()


def evaluate(net, path):
    with h5py.File(path) as f:
        x = torch.from_numpy(f["images"][()]).permute(0, 3, 1, 2).float() / 255
        y = torch.from_numpy(f["labels"][()]).long()
    with h5py.File(path.replace("val.h5", "train.h5")) as f:
        mean, std = (torch.from_numpy(f.attrs[k])[None, :, None, None] for k in ("mean", "std"))
    with torch.no_grad():
        return torch.nn.functional.cross_entropy(net((x - mean) / std), y).item()


with tempfile.TemporaryDirectory() as work:
    run("/usr/bin/python3", f"{here}/make_data.py", work)
    job = open(f"{here}/job.yaml").read().replace("DATA", work)
    open(f"{work}/job.yaml", "w").write(job)
    run(shoal, "train", f"{work}/job.yaml", "model.name=resnet18", "train.lanes=2", "--out", f"{work}/run")
    events = [json.loads(line) for line in open(f"{work}/run/metrics.jsonl")]
    path = f"{work}/run/last.h5"
    net = torchvision.models.resnet18(num_classes=4)
    with h5py.File(path) as f:
        check("format and version", text(f.attrs["format"]) == "shoal-checkpoint" and f.attrs["version"] == 2)
        check("no text of any length", not any_length(f))
        net.load_state_dict({k: torch.as_tensor(v[()]) for k, v in f["model"].items()})
        check("weights are float32", f["model/conv1.weight"].dtype == np.float32)
        check("counters are int64", f["model/bn1.num_batches_tracked"].dtype == np.int64 and f["model/bn1.num_batches_tracked"][()] == 2)
        check_crcs(f)
        check("digest", digest(f["model"]) == run(shoal, "digest", path).strip() == events[-1]["digest"])
        check("a momentum for every parameter", set(f["optimizer/momentum_buffer"]) == {k for k, _ in net.named_parameters()})
        momenta = f["optimizer/momentum_buffer"]
        check("momenta have the parameters' shapes", all(momenta[k].shape == p.shape for k, p in net.named_parameters()))
        check("the job is one text", f["job"].shape == () and b"name: resnet18" in f["job"][()])
        check("it is the run's only one", f["jobs/step"][:].tolist() == [0] and f["jobs/yaml"][0] == f["job"][()])
        evaluations = [e for e in events if e["event"] == "eval"]
        told = [(e["step"], k, e[k]) for e in evaluations for k in ("loss", "top1", "top5")]
        history = f["history"]
        check("evaluations", [(s, text(m)) for s, m in zip(history["step"], history["metric"])] == [t[:2] for t in told])
        check("their values", np.allclose(history["value"], [t[2] for t in told], rtol=1e-8, atol=0))
        check("classes", [c.decode() for c in f["classes"][()]] == ["cod", "eel", "ray", "tuna"])
        trainer = dict(f["trainer"].attrs)
        check("trainer", [trainer[k] for k in ("step", "epoch", "seed", "lanes", "batch")] == [2, 1, 3, 2, 16])
        check("its updates", [trainer[k] for k in ("updates", "lr_factor", "rollbacks")] == [2, 1, 0])
        check("its best", text(trainer["best_metric"]) == "top1" and abs(trainer["best_value"] - max(e["top1"] for e in evaluations)) < 1e-8)
        check("provenance", {"version", "commit", "host", "processor", "hdf5"} <= set(f["provenance"].attrs))
    adamw = "optimizer={name: adamw, lr: 0.001}"
    run(shoal, "train", f"{work}/job.yaml", "model.name=resnet18", "train.lanes=2", "train.max_steps=1", adamw, "--out", f"{work}/adamw")
    with h5py.File(f"{work}/adamw/last.h5") as f:
        check("AdamW's state has PyTorch's names", set(f["optimizer"]) == {"exp_avg", "exp_avg_sq"})
        for slot in f["optimizer"].values():
            check("its shapes are the parameters'", {k: v.shape for k, v in slot.items()} == {k: p.shape for k, p in net.named_parameters()})
    last = [e for e in events if e["event"] == "eval"][-1]
    loss = evaluate(net.eval(), f"{work}/val.h5")
    check(f"PyTorch's evaluation: loss {loss}, here {last['loss']}", abs(loss - last["loss"]) < 1e-4 * loss)

print(f"{failures} failed")
sys.exit(failures != 0)
