"""What the core itself offers, through the hooks that plugins use."""

from __future__ import annotations

from tacit.offers.methods import METHODS
from tacit.plugin import Offer, hookimpl


@hookimpl
def tacit_methods() -> list[Offer]:
    """The methods of the core, family by family."""
    return list(METHODS)


@hookimpl
def tacit_augmentations() -> list[Offer]:
    """Views that need to know nothing of a modality."""
    return [
        Offer(
            name="plain",
            target="tacit.methods.plain:Plain",
            summary="The value as it is: one view",
            provides=("views:plain",),
        )
    ]


@hookimpl
def tacit_sources() -> list[Offer]:
    """Data of several modalities."""
    return [
        Offer(
            name="pairs",
            target="tacit.data:Pairs",
            summary="Columns side by side, each read by its modality: DATA:FIRST=COLUMN,...",
        )
    ]


@hookimpl
def tacit_commands() -> list[Offer]:
    """The verbs of the command line, in the order of its help."""
    return [
        Offer(
            name="list",
            target="tacit.cli.verbs:list_",
            summary="Show what is installed, from whom, and which method runs on what",
        ),
        Offer(
            name="doctor",
            target="tacit.cli.verbs:doctor",
            summary="Find what is broken and the command that mends it",
        ),
        Offer(
            name="pretrain",
            target="tacit.cli.verbs:pretrain",
            summary="Pretrain an encoder without labels",
        ),
        Offer(
            name="evaluate",
            target="tacit.cli.verbs:evaluate",
            summary="Probe a pretrained encoder, beside its baselines",
        ),
        Offer(
            name="embed",
            target="tacit.cli.verbs:embed",
            summary="Write the embeddings of a data set",
        ),
        Offer(
            name="export",
            target="tacit.cli.verbs:export",
            summary="Write the encoder in a form the ecosystem loads",
        ),
        Offer(
            name="check",
            target="tacit.cli.verbs:check",
            summary="Try an installed package against the contract",
        ),
        Offer(
            name="new",
            target="tacit.cli.verbs:new",
            summary="Write a package with a method or a modality that passes its own tests",
        ),
    ]
