#!/usr/bin/python3
"""Whole models against PyTorch: same weights, same pictures in the same order, a few SGD steps.

The truth is PyTorch in float64. The yardstick is how far PyTorch's own float32 strays from it, because at ordinary learning rates any
float32 strays by percents within a few steps, and a single ReLU that falls on its other side is seen: the farther of oneDNN's kernels with
inputs one rounding away and PyTorch's own kernels. Shoal's losses, its whole weight update and its running statistics may stray at most FACTOR
times as far.  usage: test_training.py [MODEL…]
"""
import copy, json, os, subprocess, sys, tempfile, zlib

try:
    import h5py, numpy as np, torch, torchvision
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

SHOAL = os.environ["SHOAL_BIN"]
LAUNCH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../slurm/launch.sh")
FACTOR, FLOOR, STEPS, MOMENTUM, DECAY = 5.0, 1e-5, 4, 0.9, 5e-4
# model: picture side, batch, classes, ranks, lanes, learning rate, job's model options, torchvision's arguments
CASES = {
    "resnet18": (56, 8, 7, 2, 4, 0.02, "", {}),
    "resnet50": (64, 6, 11, 3, 3, 0.02, "", {}),
    "vgg11_bn": (64, 8, 5, 1, 2, 0.0005, ", dropout: 0", {"dropout": 0.0}),
    "vgg13": (40, 6, 9, 2, 2, 0.02, ", dropout: 0", {"dropout": 0.0}),
}


def pictures(rng, count, side):
    """Blobs under noise: something that a network can learn from."""
    coarse = rng.integers(0, 256, (count, side // 8 + 1, side // 8 + 1, 3))
    fine = np.kron(coarse, np.ones((1, 8, 8, 1)))[:, :side, :side]
    return np.clip(fine + rng.normal(0, 25, fine.shape), 0, 255).astype(np.uint8)


def write_inputs(folder, net, images, labels, classes, mean, std):
    with h5py.File(f"{folder}/data.h5", "w") as f:
        f.attrs.update({"format": "shoal-dataset", "version": 1, "task": "classification", "mean": mean, "std": std})
        f["images"], f["labels"] = images, labels
        f["classes"] = np.array([f"c{i}" for i in range(classes)], dtype=h5py.string_dtype())
        f["crc32"] = np.array([zlib.crc32(x.tobytes()) for x in images], np.uint32)
    with h5py.File(f"{folder}/init.h5", "w") as f:
        f.attrs.update({"format": "shoal-checkpoint", "version": 1})
        for name, value in net.state_dict().items():
            f["model/" + name] = value.numpy()


def torch_run(net, x, y, batch, lr):
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=MOMENTUM, weight_decay=DECAY)
    losses = []
    for step in range(STEPS):
        part = slice(step * batch, (step + 1) * batch)
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(x[part]), y[part])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses, {k: v.numpy().astype(np.float64) for k, v in net.state_dict().items()}


def strays(run, truth, first):
    """How far a run is from the truth: its losses, running statistics, whole update."""
    (losses, state), (true_losses, true_state) = run, truth
    trained = [k for k in state if not k.endswith(("running_mean", "running_var", "num_batches_tracked"))]
    distance = sum(np.sum((state[k] - true_state[k]) ** 2) for k in trained)
    moved = sum(np.sum((true_state[k] - first[k]) ** 2) for k in trained)
    statistics = [np.linalg.norm(state[k] - true_state[k]) / np.linalg.norm(true_state[k]) for k in state if "running" in k]
    return {"loss": max(abs(a - b) / abs(b) for a, b in zip(losses, true_losses)), "statistics": max(statistics, default=0.0),
            "update": (distance / moved) ** 0.5}


def shoal_run(folder, model, batch, classes, ranks, lanes, lr, options):
    job = f"""name: reference
model: {{name: {model}, classes: {classes}{options}}}
data: {{train: {folder}/data.h5, shuffle: false}}
train: {{epochs: 1, batch: {batch}, lanes: {lanes}, seed: 1}}
optimizer: {{name: sgd, lr: {lr}, momentum: {MOMENTUM}, weight_decay: {DECAY}}}
schedule: {{name: constant}}
init: {{from: {folder}/init.h5}}
log: {{every_steps: 1}}
"""
    with open(f"{folder}/job.yaml", "w") as f:
        f.write(job)
    subprocess.run([LAUNCH, str(ranks), SHOAL, "train", f"{folder}/job.yaml", "--out",
                    f"{folder}/run"], check=True, stdout=subprocess.DEVNULL)
    events = [json.loads(line) for line in open(f"{folder}/run/metrics.jsonl")]
    with h5py.File(f"{folder}/run/last.h5") as f:
        state = {k: v[()] for k, v in f["model"].items()}
    return [e["loss"] for e in events if e["event"] == "step"], state


def compare(model):
    side, batch, classes, ranks, lanes, lr, options, arguments = CASES[model]
    torch.manual_seed(3)
    rng = np.random.default_rng(5)
    net = getattr(torchvision.models, model)(weights=None, num_classes=classes, **arguments).train()
    for name, module in net.named_modules():  # calm residual branches: a fresh deep network on a tiny batch is chaotic and proves nothing
        if name.startswith("layer") and name.endswith("bn3" if model == "resnet50" else "bn2"):
            module.weight.data.mul_(0.2)
    images, labels = pictures(rng, batch * STEPS, side), rng.integers(0, classes, batch * STEPS).astype(np.int32)
    mean, std = np.float32([0.5, 0.45, 0.4]), np.float32([0.25, 0.24, 0.26])
    x = (torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255 - torch.tensor(mean).view(1, 3, 1, 1)) / torch.tensor(std).view(1, 3, 1, 1)
    y = torch.from_numpy(labels).long()
    first = {k: v.numpy().astype(np.float64) for k, v in copy.deepcopy(net).state_dict().items()}
    with tempfile.TemporaryDirectory() as folder:
        write_inputs(folder, net, images, labels, classes, mean, std)
        truth = torch_run(copy.deepcopy(net).double(), x.double(), y, batch, lr)
        own = [strays(torch_run(copy.deepcopy(net), torch.nextafter(x, 2 * x), y, batch, lr), truth, first)]
        with torch.backends.mkldnn.flags(enabled=False):
            own.append(strays(torch_run(copy.deepcopy(net), x, y, batch, lr), truth, first))
        losses, state = shoal_run(folder, model, batch, classes, ranks, lanes, lr, options)
        net.load_state_dict({k: torch.from_numpy(np.asarray(v)) for k, v in state.items()})
        ours = strays((losses, {k: v.astype(np.float64) for k, v in state.items()}), truth, first)
    yardstick = {k: max(o[k] for o in own) for k in ours}
    good = all(ours[k] <= max(FLOOR, FACTOR * yardstick[k]) for k in ours) and len(losses) == STEPS
    print(f"{model:9s} {'ok ' if good else 'OFF'}", "  ".join(f"{k} {ours[k]:.1e} (PyTorch float32 {yardstick[k]:.1e})" for k in ours), flush=True)
    return good


if __name__ == "__main__":
    torch.set_num_threads(2)
    results = [compare(model) for model in sys.argv[1:] or CASES]
    sys.exit(0 if all(results) else 1)
