"""Images per second of SimCLR training, beside lightly, in one call; for a GPU above all.

    python benchmarks/throughput.py                      on the GPU if there is one
    python benchmarks/throughput.py --device cpu --batch 64 --steps 4 --encoder vision/resnet

Both sides train the same network on the same uint8 images of 32 x 32 with the same optimiser in
bf16 autocast: ours with batched views on the device, lightly with its transform in worker
processes. On a GPU our step also runs under `set_sync_debug_mode("error")`, so that waiting for
the device anywhere in it fails, and once more with compiled encoders.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch
from _measure import write
from torch import nn
from torch.utils.data import DataLoader, Dataset

from tacit.contract import Batch, DataInfo, Encoder
from tacit.methods import Learner, simclr
from tacit.plugin import load_plugins
from tacit.training.settings import Training
from tacit.training.update import Update


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--encoder", default="vision/timm:resnet18")
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--workers", type=int, default=8)
    args = parser.parse_args()
    device = torch.device(args.device)
    images = torch.randint(0, 256, (4 * args.batch, 3, 32, 32), dtype=torch.uint8)
    cases = {"tacit": rate(ours(images, args, device, compiled=False), args, device)}
    if device.type == "cuda":
        cases["tacit, compiled"] = rate(ours(images, args, device, compiled=True), args, device)
    cases["lightly"] = rate(lightly(images, args, device), args, device)
    reference = cases["lightly"]
    shown = {
        name: {"images_per_second": round(value, 1), "times_lightly": round(value / reference, 2)}
        for name, value in cases.items()
    }
    for name, row in shown.items():
        print(f"{name:<18} {row['images_per_second']:>10,.1f} images/s", end="")
        print(f"{row['times_lightly']:>8.2f} x lightly")
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    what = f"SimCLR, {args.encoder}, batch {args.batch}, bf16, on {where}"
    write(f"throughput-{device.type}", {"what": what, "cases": shown})


def rate(step: Callable[[], None], args: argparse.Namespace, device: torch.device) -> float:
    """Images per second over `steps` steps, after a fifth as many to warm up."""
    for _ in range(max(args.steps // 5, 2)):
        step()
    wait(device)
    start = time.perf_counter()
    for _ in range(args.steps):
        step()
    wait(device)
    return float(args.steps * args.batch / (time.perf_counter() - start))


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def encoder(name: str) -> Encoder:
    name, _, model = name.partition(":")
    factory = load_plugins().find("encoders", name).load()
    made: Encoder = factory(factory.Config(model=model) if model else factory.Config())
    return made


def ours(
    images: torch.Tensor, args: argparse.Namespace, device: torch.device, *, compiled: bool
) -> Callable[[], None]:
    """A step of the engine: views, forward, backward, update."""
    from tacit_vision.modality import Image
    from tacit_vision.views import TwoViews

    stage = simclr().stages[0]
    learner = Learner(
        encoders={"image": encoder(args.encoder)},
        objective=stage.objective(stage.config),
        augmentations={"image": TwoViews(TwoViews.Config(blur_probability=(0.0, 0.0)))},
        modalities={"image": Image()},
        data=DataInfo(instances=len(images)),
    ).to(device)
    if compiled:
        learner.encoder("image").compile()
    update = Update(learner, Training(steps=1, batch=args.batch, precision="bf16"))
    data = images.to(device)
    rows = torch.arange(len(images), device=device).split(args.batch)
    state = {"step": 0}

    def step() -> None:
        index = rows[state["step"] % len(rows)]
        strict = device.type == "cuda" and state["step"] > 5  # the first steps allocate and tune
        if strict:
            torch.cuda.set_sync_debug_mode("error")
        update.begin(Batch(values={"image": data[index]}, index=index), {})
        update.plan(update)
        learner.after_step()
        if strict:
            torch.cuda.set_sync_debug_mode("default")
        state["step"] += 1

    return step


class Pictures(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """The same images through lightly's transform."""

    def __init__(self, images: torch.Tensor) -> None:
        from lightly.transforms import SimCLRTransform
        from PIL import Image

        self.images = [Image.fromarray(each.permute(1, 2, 0).numpy()) for each in images]
        self.transform = SimCLRTransform(input_size=32, gaussian_blur=0.0)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, torch.Tensor]:
        a, b = self.transform(self.images[row])
        return a, b


def lightly(
    images: torch.Tensor, args: argparse.Namespace, device: torch.device
) -> Callable[[], None]:
    """A step as lightly's SimCLR example has it, on the same network."""
    from lightly.loss import NTXentLoss

    network = encoder(args.encoder).to(device)
    head = nn.Sequential(
        nn.Linear(network.spec.width, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, 128)
    ).to(device)
    criterion = NTXentLoss(temperature=0.2)
    parameters = [*network.parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW(parameters, fused=device.type == "cuda")
    loader = DataLoader(
        Pictures(images),
        batch_size=args.batch,
        shuffle=True,
        drop_last=True,
        num_workers=args.workers if device.type == "cuda" else 0,
        persistent_workers=device.type == "cuda",
        pin_memory=device.type == "cuda",
    )
    batches = iter([])

    def step() -> None:
        nonlocal batches
        pair = next(batches, None)
        if pair is None:
            batches = iter(loader)
            pair = next(batches)
        a, b = (view.to(device, non_blocking=True) for view in pair)
        with torch.autocast(device.type, dtype=torch.bfloat16):
            loss = criterion(head(network(a).pooled), head(network(b).pooled))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


if __name__ == "__main__":
    main()
