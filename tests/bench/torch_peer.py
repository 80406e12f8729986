#!/usr/bin/python3
"""Speed of a full training step in PyTorch on CPU, for the networks that torchvision lacks (resnet20, lenet5) and those that it has.
Prints one JSON line.

A step is zero_grad, forward, cross entropy, backward and SGD with momentum on one random batch that lies ready in memory. The median step
of --iters timed ones counts. --best runs both memory layouts with a tuned allocator (huge pages, nothing given back) and prints the
faster one.

  taskset -c 0 tests/bench/torch_peer.py --model resnet20 --batch 128 --best
  tests/bench/torch_peer.py --model lenet5 --batch 64 --world 2 --pin --best     # DistributedDataParallel over gloo
  tests/bench/torch_peer.py --model lenet5 --batch 64 --world 2 --pin --nocomm   # two processes that never meet
"""
import argparse, json, os, resource, statistics, subprocess, sys, tempfile, time

ALLOCATOR = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1", "MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_MAX_": "0",
             "MALLOC_TRIM_THRESHOLD_": str(32 << 30), "MALLOC_TOP_PAD_": str(256 << 20)}


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", default="resnet20")
    p.add_argument("--batch", type=int, default=128, help="pictures of a process in a step")
    p.add_argument("--size", type=int, default=0, help="height and width of the pictures (the model's usual one)")
    p.add_argument("--classes", type=int, default=0)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--iters", type=int, default=10)
    p.add_argument("--warmup", type=int, default=2)
    p.add_argument("--layout", choices=["nchw", "nhwc"], default="nchw")
    p.add_argument("--world", type=int, default=1, help="processes")
    p.add_argument("--nocomm", action="store_true", help="the processes do not meet")
    p.add_argument("--pin", action="store_true", help="process r on cores from r * threads")
    p.add_argument("--best", action="store_true", help="tuned allocator, both layouts, the better one")
    return p.parse_args()


def resnet20(nn, F, classes):
    """He et al. 2015, section 4.2, with option A shortcuts."""
    class Block(nn.Module):
        def __init__(self, inside, outside, stride):
            super().__init__()
            self.stride, self.pad = stride, (outside - inside) // 2
            self.conv1, self.bn1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False), nn.BatchNorm2d(outside)
            self.conv2, self.bn2 = nn.Conv2d(outside, outside, 3, 1, 1, bias=False), nn.BatchNorm2d(outside)

        def forward(self, x):
            y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)), inplace=True)))
            if self.stride > 1:
                x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.pad, self.pad))
            return F.relu(y + x, inplace=True)

    blocks = []
    for stage in range(3):
        for block in range(3):
            narrows = stage > 0 and block == 0
            blocks.append(Block(8 << stage if narrows else 16 << stage, 16 << stage, 2 if narrows else 1))
    return nn.Sequential(nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True), *blocks, nn.AdaptiveAvgPool2d(1),
                         nn.Flatten(), nn.Linear(64, classes))


def lenet5(nn, F, classes):
    """LeCun et al. 1998 with ReLU and maximum pooling, as src/models/lenet.c has it."""
    def relu():
        return nn.ReLU(inplace=True)
    return nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), relu(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), relu(), nn.MaxPool2d(2), nn.Flatten(),
                         nn.Linear(400, 120), relu(), nn.Linear(120, 84), relu(), nn.Linear(84, classes))


OWN = {"resnet20": (resnet20, (3, 32), 10), "lenet5": (lenet5, (1, 28), 10)}


def build(a):
    """The network, its pictures' channels and side, its classes."""
    from torch import nn
    from torch.nn import functional as F
    if a.model in OWN:
        make, (channels, size), classes = OWN[a.model]
        return make(nn, F, a.classes or classes), channels, a.size or size, a.classes or classes
    import torchvision
    return getattr(torchvision.models, a.model)(num_classes=a.classes or 1000), 3, a.size or 224, a.classes or 1000


def timed_step(net, optimizer, x, y):
    from torch.nn import functional as F
    marks = [time.perf_counter()]
    optimizer.zero_grad(set_to_none=False)
    loss = F.cross_entropy(net(x), y)
    marks.append(time.perf_counter())
    loss.backward()
    marks.append(time.perf_counter())
    optimizer.step()
    marks.append(time.perf_counter())
    return [b - a for a, b in zip(marks, marks[1:])] + [marks[-1] - marks[0]]


def work(rank, a, rendezvous):
    if a.pin:
        os.sched_setaffinity(0, range(rank * a.threads, (rank + 1) * a.threads))
    import torch
    import torch.distributed as dist
    torch.manual_seed(1 + rank)
    torch.set_num_threads(a.threads)
    layout = torch.channels_last if a.layout == "nhwc" else torch.contiguous_format
    net, channels, size, classes = build(a)
    net = net.train().to(memory_format=layout)
    x = torch.randn(a.batch, channels, size, size).contiguous(memory_format=layout)
    y = torch.randint(0, classes, (a.batch,))
    if a.world > 1:
        dist.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=a.world)
        if not a.nocomm:
            net = torch.nn.parallel.DistributedDataParallel(net)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
    for _ in range(a.warmup):
        timed_step(net, optimizer, x, y)
    if a.world > 1:
        dist.barrier()
    forward, backward, update, whole = zip(*(timed_step(net, optimizer, x, y) for _ in range(a.iters)))
    middle = statistics.median
    line = {"model": a.model, "batch": a.batch, "size": size, "threads": a.threads, "layout": a.layout, "world": a.world,
            "comm": a.world > 1 and not a.nocomm, "img_s_total": a.batch / middle(whole), "step": middle(whole), "fwd": middle(forward),
            "bwd": middle(backward), "opt": middle(update), "tmin": min(whole), "tmax": max(whole), "n": len(whole),
            "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
    if a.world > 1:
        lines = [None] * a.world
        dist.all_gather_object(lines, line)
        line["img_s_total"] = sum(one["img_s_total"] for one in lines)
        line["rss_mb"] = max(one["rss_mb"] for one in lines)
        dist.barrier()
    if rank == 0:
        print(json.dumps(line), flush=True)


def better_layout():
    rest, lines = [word for word in sys.argv[1:] if word != "--best"], []
    for layout in ("nchw", "nhwc"):
        done = subprocess.run([sys.executable, __file__, *rest, "--layout", layout], env={**os.environ, **ALLOCATOR}, capture_output=True,
                              text=True)
        if done.returncode:
            sys.exit(done.stderr)
        lines.append(json.loads(done.stdout))
    print(json.dumps(max(lines, key=lambda line: line["img_s_total"])))


def main():
    a = arguments()
    if a.best:
        better_layout()
    elif a.world == 1:
        work(0, a, None)
    else:
        import torch.multiprocessing
        with tempfile.TemporaryDirectory() as folder:
            torch.multiprocessing.spawn(work, args=(a, os.path.join(folder, "meet")), nprocs=a.world)


if __name__ == "__main__":
    main()
