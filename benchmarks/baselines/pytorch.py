"""The same network in PyTorch, channels last, with a DataLoader that distorts image by image, as its tutorials have it.

PyTorch is not in the lock: install torch by hand to measure it.
`python -m benchmarks.baselines.pytorch FILE...` serves measurements of images/s.
"""

import itertools
import sys
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, Dataset

from benchmarks.contenders import BATCH, STEPS, STEPS_ALONE, serve


class Records(Dataset):
    def __init__(self, files):
        records = [np.fromfile(file, np.uint8).reshape(-1, 3073) for file in files]
        self.values = torch.from_numpy(np.concatenate(records))

    def __len__(self):
        return len(self.values)

    def __getitem__(self, number):
        return distort(self.values[number, 1:].view(3, 32, 32)), int(self.values[number, 0])


def distort(image):
    top, left = torch.randint(0, 9, (2,)).tolist()
    image = image[:, top : top + 24, left : left + 24].float()
    flip, brightness, contrast = torch.rand(3).tolist()
    if flip < 0.5:
        image = image.flip(2)
    image = image + (2 * brightness - 1) * 63
    mean = image.mean((1, 2), keepdim=True)
    image = (image - mean) * (0.2 + 1.6 * contrast) + mean
    return (image - image.mean()) / image.std(correction=0).clamp(min=image.numel() ** -0.5)


def pool(values):
    return functional.max_pool2d(functional.pad(values, (0, 1, 0, 1), value=float("-inf")), 3, 2)


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 64, 5, padding=2), nn.Conv2d(64, 64, 5, padding=2)
        self.local3, self.local4 = nn.Linear(2304, 384), nn.Linear(384, 192)
        self.softmax_linear = nn.Linear(192, 10)
        self.norm = nn.LocalResponseNorm(9, alpha=0.001, beta=0.75, k=1.0)  # PyTorch divides alpha by the size
        for layer, stddev, bias in (
            (self.conv1, 0.05, 0.0),
            (self.conv2, 0.05, 0.1),
            (self.local3, 0.04, 0.1),
            (self.local4, 0.04, 0.1),
            (self.softmax_linear, 1 / 192, 0.0),
        ):
            nn.init.trunc_normal_(layer.weight, std=stddev, a=-2 * stddev, b=2 * stddev)
            nn.init.constant_(layer.bias, bias)

    def forward(self, images):
        values = self.norm(pool(functional.relu(self.conv1(images))))
        values = pool(self.norm(functional.relu(self.conv2(values)))).flatten(1)
        return self.softmax_linear(functional.relu(self.local4(functional.relu(self.local3(values)))))


def main(files):
    network = Network().to(memory_format=torch.channels_last)
    averages = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(0.9999))
    decayed = [network.local3.weight, network.local4.weight]
    others = [p for p in network.parameters() if not any(p is d for d in decayed)]
    optimizer = torch.optim.SGD([{"params": decayed, "weight_decay": 0.004}, {"params": others}], lr=0.1)
    criterion = nn.CrossEntropyLoss()

    def images_per_second(batches, steps):
        start = time.perf_counter()
        for number in range(steps):
            images, labels = next(batches)
            optimizer.zero_grad()
            loss = criterion(network(images.to(memory_format=torch.channels_last)), labels)
            loss.backward()
            optimizer.step()
            averages.update_parameters(network)
            if number % 10 == 0:
                loss.item()
        return steps * BATCH / (time.perf_counter() - start)

    loader = DataLoader(Records(files), BATCH, shuffle=True, num_workers=2, drop_last=True, persistent_workers=True)
    batches = itertools.chain.from_iterable(itertools.repeat(loader))
    one = itertools.repeat(next(batches))
    serve(training=lambda: images_per_second(batches, STEPS), step=lambda: images_per_second(one, STEPS_ALONE))


if __name__ == "__main__":
    main(sys.argv[1:])
