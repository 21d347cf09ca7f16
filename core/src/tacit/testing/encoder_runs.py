"""What is true of every encoder of how it runs: trained, kept, in other precisions, compiled."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import config
from torch import Tensor

from tacit.contract import Encoder, move
from tacit.testing.check import Check, expect, skip
from tacit.testing.encoder_subject import EncoderSubject, near


def evaluation_is_not_random(subject: EncoderSubject) -> None:
    """In evaluation the same value gives the same answer, whatever the global random state."""
    encoder, value = subject.ready(), subject.value()
    torch.manual_seed(1)
    first = encoder(value).pooled
    torch.manual_seed(2)
    expect(torch.equal(first, encoder(value).pooled), "two forwards differ")


def state_goes_round(subject: EncoderSubject) -> None:
    """`state_dict` holds all that decides the answer, also what training forwards have changed."""
    trained = subject.ready(parameters=0.1).train()
    value = subject.value()
    for _ in range(2):
        trained(value)
    torch.manual_seed(9)
    fresh = subject.make()
    fresh.load_state_dict(trained.state_dict())
    a, b = trained.eval()(value).pooled, fresh.eval()(value).pooled
    expect(near(a, b), "an encoder with the same state answers otherwise")


def gradient_reaches_the_weights(subject: EncoderSubject) -> None:
    """The embedding's gradient reaches the weights, and is finite."""
    encoder = subject.make()
    answer = encoder(subject.value()).pooled
    (answer * torch.randn_like(answer)).sum().backward()
    slopes = [p.grad for p in encoder.parameters() if p.grad is not None]
    expect(any(bool(slope.any()) for slope in slopes), "no parameter got a gradient")
    expect(all(bool(slope.isfinite().all()) for slope in slopes), "a gradient is not finite")


def it_runs_in_half_precision(subject: EncoderSubject) -> None:
    """Under bfloat16 autocast the answer is finite and near that in full precision."""
    encoder, value = subject.ready(), subject.value()
    full = encoder(value).pooled
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = encoder(value).pooled.float()
    expect(bool(half.isfinite().all()), "NaN or infinity")
    expect(float((half - full).norm() / full.norm().clamp_min(1e-6)) < 0.2, "far from the answer")


def it_moves_between_devices(subject: EncoderSubject) -> None:
    """On another device it answers there, as it does on the CPU."""
    if not torch.cuda.is_available():
        skip("there is no second device here")
    device = torch.device("cuda")
    encoder, value = subject.ready(), subject.value()
    wanted = encoder(value).pooled
    found = encoder.to(device)(move(value, device)).pooled
    expect(found.device.type == "cuda", "the answer lies on the CPU")
    expect(torch.allclose(found.cpu(), wanted, rtol=1e-2, atol=1e-3), "it answers otherwise")


def it_compiles(subject: EncoderSubject) -> None:
    """Traced by torch.compile its answers and gradients are the same, in a batch of any size."""
    import torch._dynamo

    plain = subject.ready(parameters=0.02)
    traced = copy.deepcopy(plain)
    torch._dynamo.reset()
    # What an encoder can get wrong is found while its graph is taken and differentiated. To make
    # machine code of the graph takes minutes, a C++ compiler, and nothing of the encoder's own.
    traced.compile(backend="aot_eager")
    for indices in ((0, 1, 2, 3), (4, 5, 6)):
        value = subject.value(indices)
        with _tracing():
            found, wanted = (_answer_and_gradient(each, value) for each in (traced, plain))
        expect(near(found[0], wanted[0]), "it answers otherwise")
        expect(near(found[1], wanted[1]), "its gradient is another")


RUNS = (
    Check(evaluation_is_not_random),
    Check(state_goes_round),
    Check(gradient_reaches_the_weights),
    Check(it_runs_in_half_precision),
    Check(it_moves_between_devices),
    Check(it_compiles, slow=True),
)


@contextmanager
def _tracing() -> Iterator[None]:
    """Checks of annotations cannot be traced; breaks of a graph cost speed and are no fault."""
    off, silent = config.jaxtyping_disable, logging.root.manager.disable
    config.update("jaxtyping_disable", True)
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(silent)
        config.update("jaxtyping_disable", off)


def _answer_and_gradient(encoder: Encoder, value: Any) -> tuple[Tensor, Tensor]:
    """The embeddings, and how all weights together would change them."""
    encoder.zero_grad()
    answer = encoder(value).pooled
    (answer * torch.linspace(-1, 1, answer.numel()).view_as(answer)).sum().backward()
    slopes = [p.grad.flatten() for p in encoder.parameters() if p.grad is not None]
    return answer.detach(), torch.cat(slopes)
