"""What is true of every method, and of the objectives it is made of."""

from __future__ import annotations

import tempfile
import warnings
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import nn

from tacit.api.watch import CollapseWarning, Watch
from tacit.contract import Requirements, unmet
from tacit.methods import Learner
from tacit.nn import Ema, Frozen, PreviousStage, RandomInit, Teacher
from tacit.testing.augmentations import same
from tacit.testing.check import Check, expect, skip
from tacit.testing.engine import (
    ADAM,
    Curve,
    MethodSubject,
    offered,
    parity_run,
    pooling,
    scramble,
    split_in_two,
    unscramble,
)
from tacit.testing.toy import ROWS
from tacit.training import checkpoint
from tacit.training.parallel import World
from tacit.training.settings import Training

_ELSEWHERE = {"teacher", "groups", "instances", "mix"}  # from the core, the data, the modality


def an_offer_requires_what_its_objectives_do(subject: MethodSubject) -> None:
    """What the offer requires is what the objectives declare, so that the grid is true."""
    if subject.requires is None:
        skip("it is not offered")
    assert subject.requires is not None
    told = {word for word in subject.requires if not word.startswith("views:")} - _ELSEWHERE
    implied = {"tokens"} if any(word.startswith("tokens:") for word in told) else set()
    for stage in subject.make().stages:
        needs: Requirements = stage.objective(stage.config).requires
        expect(f"views:{stage.views}" in subject.requires, f"views:{stage.views} is missing")
        missing = sorted(needs.capabilities - told - implied)
        expect(not missing, f"the objective needs {', '.join(missing)}; the offer does not say so")
        for word in ("groups", "instances", "mix"):
            expect(getattr(needs, word) <= (word in subject.requires), f"{word} is missing")
        expect(bool(stage.teachers) <= ("teacher" in subject.requires), "teacher is missing")


def teachers_it_reads_are_set_up(subject: MethodSubject) -> None:
    """Every stage names a policy for each teacher its objective reads."""
    for stage in subject.make().stages:
        missing = stage.objective(stage.config).requires.teachers - set(stage.teachers)
        expect(not missing, f"stage {stage.name!r} sets up no {', '.join(sorted(missing))}")


def gradient_reaches_the_encoder(subject: MethodSubject) -> None:
    """The losses have a finite gradient on every encoder that is not zero."""
    first, stepped = subject.learner().encoders, _stepped(subject).encoders
    for word in subject.words:
        before = [p.detach() for p in first[word].parameters()]
        after = [p.detach() for p in stepped[word].parameters()]
        expect(not same(before, after), f"two steps of plain SGD do not move that of {word}")
        expect(all(bool(p.isfinite().all()) for p in after), "a gradient is not finite")


def teachers_get_no_gradient(subject: MethodSubject) -> None:
    """No weight of a teacher gets a gradient, and only those that follow move."""
    learner = _stepped(subject)
    if not learner.teachers:
        skip("it has no teacher")
    for name, teacher in learner.teachers.items():
        touched = [n for n, p in teacher.named_parameters() if p.grad is not None]
        expect(not touched, f"{name}: {', '.join(touched[:3])} got a gradient")
        asking = [n for n, p in teacher.named_parameters() if p.requires_grad]
        expect(not asking, f"{name}: {', '.join(asking[:3])} asks for a gradient")


def teachers_follow_their_policy(subject: MethodSubject) -> None:
    """A frozen or random teacher does not move in training, an average does."""
    learner = subject.learner()
    if not learner.teachers:
        skip("it has no teacher")
    before = {n: [p.clone() for p in t.parameters()] for n, t in learner.teachers.items()}
    subject.trainer(learner).run()
    for name, teacher in learner.teachers.items():
        assert isinstance(teacher, Teacher)
        still = same(before[name], [p.detach() for p in teacher.parameters()])
        if isinstance(teacher.policy, (Frozen, PreviousStage, RandomInit)):
            expect(still, f"{name} has moved, though its policy is {teacher.policy.kind!r}")
        elif isinstance(teacher.policy, Ema) and teacher.policy.momentum < 1:
            expect(not still, f"{name} has not moved")


def the_loss_falls(subject: MethodSubject) -> None:
    """On 64 instances forty steps of Adam lower the loss, where no teacher moves its target."""
    curve = Curve()
    learner = subject.learner(still=True)
    subject.trainer(learner, observers=[curve], steps=40, batch=ROWS, optimizer=ADAM).run()
    first, last = sum(curve.losses[:3]) / 3, sum(curve.losses[-3:]) / 3
    expect(last < first, f"it went from {first:.4g} to {last:.4g}")


def a_collapse_is_reported(subject: MethodSubject) -> None:
    """Whoever trains an encoder that answers the same for everything is warned, or refused."""
    learner = subject.learner(encoder=partial(subject.encoder, constant=True))
    settings = Training(steps=1, batch=16, watch_every=1)
    watch = Watch.of(subject.source(), subject.modalities(), settings)
    assert watch is not None
    trainer = subject.trainer(learner, watch=watch, observers=[watch], steps=1, watch_every=1)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            trainer.run()
        except ValueError:  # all else is as in the other checks, where it trains
            return
    expect(any(w.category is CollapseWarning for w in told), "nobody was warned")


def labels_are_not_used(subject: MethodSubject) -> None:
    """Other labels, same weights, unless the objective declares that it reads them."""
    if subject.objective().requires.labels:
        skip("it declares that it reads labels")
    other = subject.trained(source=subject.source(flipped=True))
    expect(same(subject.usual(), other), "other labels gave other weights")


def the_seed_is_all_its_randomness(subject: MethodSubject) -> None:
    """Same seed, same weights, whatever the global random states of Python, numpy and torch."""
    learner = subject.learner()
    drops = any(isinstance(m, nn.Dropout) and m.p for m in learner.modules())
    kept = scramble(seed=1)
    try:
        if not drops:  # what dropout draws from is saved by the engine
            torch.manual_seed(1)
        subject.trainer(learner).run()
    finally:
        unscramble(kept)
    expect(same(subject.usual(), dict(learner.state_dict())), "two runs with one seed differ")


def resuming_changes_nothing(subject: MethodSubject) -> None:
    """Stopped after two steps and gone on with, four end with the same weights bit for bit."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first = subject.trainer(subject.learner(), folder=folder)
        first.observers = (Curve(stop=(2, first.stop)),)
        first.run()
        learner = subject.learner()
        second = subject.trainer(learner, folder=folder)
        second.load_state(*checkpoint.load(checkpoint.steps(folder)[-1], world=second.world))
        second.run()
    expect(same(subject.usual(), dict(learner.state_dict())), "the resumed run ends elsewhere")


def two_processes_train_as_one(subject: MethodSubject) -> None:
    """Over two processes, each with half of the batch, it trains as one process does."""
    if torch.cuda.is_initialized():
        skip("a process that has used a GPU cannot be forked")
    alone, drew = parity_run(subject, World(device=torch.device("cpu")))
    if drew:
        skip("the objective draws, and each process draws for its own rows")
    from safetensors.torch import load_file

    with tempfile.TemporaryDirectory() as name:
        together = load_file(split_in_two(subject, Path(name)))
    far = {n: float((together[n] - p).abs().max()) for n, p in alone.items()}
    worst = max(far, key=lambda each: far[each])
    advice = "statistics of a batch take the rows of all processes: tacit.functional.gather_rows"
    expect(far[worst] < 1e-7, f"{worst} differs by {far[worst]:.2g}; {advice}")


def it_trains_in_half_precision(subject: MethodSubject) -> None:
    """Under bfloat16 autocast all weights stay finite."""
    weights = subject.trained(precision="bf16", steps=2)
    expect(all(bool(w.isfinite().all()) for w in weights.values()), "a weight is not finite")


def the_smallest_batch_trains(subject: MethodSubject) -> None:
    """A batch of as few instances as it declares trains, with finite weights."""
    batch = max(1, subject.objective().requires.batch)
    if any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in subject.learner().modules()):
        batch = max(2, batch)  # batch norm has no statistics of one instance
    weights = subject.trained(batch=batch, steps=2)
    expect(all(bool(w.isfinite().all()) for w in weights.values()), f"not with a batch of {batch}")


def too_few_views_are_refused(subject: MethodSubject) -> None:
    """An objective that is not refused one view trains on one view."""
    stage = subject.stage()
    if len(offered(subject, subject.encoder).roles["signal"]) < 2:
        skip("it wants one view")
    objective = stage.objective(stage.config)
    if unmet(objective.requires, offered(subject, subject.encoder, roles=("view",))):
        return
    learner = subject.learner()
    for views in learner.augmentations.values():
        views.roles = ("view",)
    learner(subject.source().fetch(range(16))).total()


def an_encoder_without_tokens_is_refused_or_trains(subject: MethodSubject) -> None:
    """What is not refused an encoder that only pools trains on one: it declares what it needs."""
    if unmet(subject.objective().requires, offered(subject, pooling)):
        return
    try:
        learner = subject.learner(encoder=pooling)
    except ValueError:
        return
    learner(subject.source().fetch(range(16))).total().backward()


def settings_are_frozen(subject: MethodSubject) -> None:
    """The configuration of a stage is a frozen dataclass that makes an equal copy of itself."""
    for stage in subject.make().stages:
        params = getattr(stage.config, "__dataclass_params__", None)
        expect(params is not None and params.frozen, f"{stage.name}: not a frozen dataclass")
        expect(replace(stage.config) == stage.config, f"{stage.name}: a copy is not equal")


DECLARED = tuple(
    Check(run)
    for run in (
        an_offer_requires_what_its_objectives_do,
        teachers_it_reads_are_set_up,
        settings_are_frozen,
    )
)
"""What holds the declarations of a method against it, and runs nothing."""

TRAINED = (
    *(
        Check(run)
        for run in (
            gradient_reaches_the_encoder,
            teachers_get_no_gradient,
            teachers_follow_their_policy,
            a_collapse_is_reported,
            labels_are_not_used,
            the_seed_is_all_its_randomness,
            resuming_changes_nothing,
            it_trains_in_half_precision,
            the_smallest_batch_trains,
            too_few_views_are_refused,
            an_encoder_without_tokens_is_refused_or_trains,
        )
    ),
    Check(the_loss_falls, slow=True),
    Check(two_processes_train_as_one, slow=True),
)
"""What trains a stage of it."""

METHODS = (*DECLARED, *TRAINED)


def _stepped(subject: MethodSubject) -> Learner:
    """A learner after two steps of plain SGD, which move what a gradient reaches alone."""
    learner = subject.learner()
    subject.trainer(learner, steps=2).run()
    return learner
