"""What chaos trains: a small data set and a small job for each task, a few seconds of steps each. A task more is a row more."""
import random
import struct

LANES = 12  # 1, 2, 3 and 4 ranks divide them
EVERY = 7   # steps from a checkpoint to the next


def write_idx(stem, count, rng):
    """Pictures of 28 x 28 with a bright bar where the class says, in MNIST's files."""
    labels = bytes(i % 8 for i in range(count))
    pixels = bytearray()
    for label in labels:
        picture = bytearray(rng.randrange(100) for _ in range(28 * 28))
        for y in range(28):
            for x in range(3 * label, 3 * label + 4):
                picture[28 * y + x] += rng.randrange(150)
        pixels += picture
    with open(f"{stem}-images-idx3-ubyte", "wb") as f:
        f.write(struct.pack(">IIII", 0x803, count, 28, 28) + pixels)
    with open(f"{stem}-labels-idx1-ubyte", "wb") as f:
        f.write(struct.pack(">II", 0x801, count) + labels)


def make_classification(folder, call):
    rng = random.Random(1)
    write_idx(f"{folder}/train", 480, rng)
    write_idx(f"{folder}/t10k", 60, rng)
    call("pack", "mnist", folder, folder)
    return f"""name: chaos
model: {{name: lenet5}}
data: {{train: {folder}/train.h5, val: {folder}/val.h5}}
train: {{epochs: 20, batch: 24, lanes: {LANES}, seed: 3}}
optimizer: {{name: sgd, lr: 0.003, momentum: 0.9}}
checkpoint: {{every_epochs: 1, every_steps: {EVERY}, keep: 3}}
"""


# name: a function that makes the data in a folder, with call(ARGUMENT…) for the program, and gives the job's text
TASKS = {"classification": make_classification}
