"""What the core itself offers, through the hooks that plugins use."""

from __future__ import annotations

from tacit.plugin import Offer, hookimpl


@hookimpl
def tacit_methods() -> list[Offer]:
    """The methods of the core; each runs on every modality that supplies what it requires."""
    return [
        Offer(
            name="simclr",
            target="tacit.methods:simclr",
            summary="Two views of an instance attract, those of other instances repel",
            requires=("views:two-views",),
            source="Chen et al. 2020, arXiv:2002.05709",
        ),
        Offer(
            name="barlow-twins",
            target="tacit.methods:barlow_twins",
            summary="Cross-correlation of two views' embeddings made the identity",
            requires=("views:two-views",),
            source="Zbontar et al. 2021, arXiv:2103.03230",
        ),
        Offer(
            name="vicreg",
            target="tacit.methods:vicreg",
            summary="Invariance between two views, variance kept up, covariance kept down",
            requires=("views:two-views",),
            source="Bardes et al. 2022, arXiv:2105.04906",
        ),
        Offer(
            name="byol",
            target="tacit.methods:byol",
            summary="One view predicts a moving-average teacher's embedding of the other",
            requires=("views:two-views", "teacher"),
            source="Grill et al. 2020, arXiv:2006.07733",
        ),
        Offer(
            name="simsiam",
            target="tacit.methods:simsiam",
            summary="One view predicts the other, with a stop-gradient and no teacher",
            requires=("views:two-views",),
            source="Chen and He 2021, arXiv:2011.10566",
        ),
        Offer(
            name="dino",
            target="tacit.methods:dino",
            summary="Views and their parts assigned to prototypes as an averaged teacher does",
            requires=("views:multi-crop", "teacher"),
            source="Caron et al. 2021, arXiv:2104.14294",
        ),
        Offer(
            name="ibot",
            target="tacit.methods:ibot",
            summary="DINO on masked views, and a teacher's assignment of every hidden token",
            requires=("views:two-views", "teacher", "tokens", "mask:replace"),
            source="Zhou et al. 2022, arXiv:2111.07832",
        ),
        Offer(
            name="random-teacher",
            target="tacit.methods:random_teacher",
            summary="A student distilled into a teacher that was never trained",
            requires=("views:masked", "teacher"),
            source="Sarnthein et al. 2023, arXiv:2302.12091",
        ),
        Offer(
            name="mae",
            target="tacit.methods:mae",
            summary="Tokens dropped before the encoder are reconstructed from the rest",
            requires=("views:masked", "tokens:dense", "targets", "mask:drop"),
            source="He et al. 2022, arXiv:2111.06377",
        ),
        Offer(
            name="simmim",
            target="tacit.methods:simmim",
            summary="Tokens replaced by a learned one are reconstructed by a linear head",
            requires=("views:masked", "tokens:dense", "targets", "mask:replace"),
            source="Xie et al. 2022, arXiv:2111.09886",
        ),
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
    ]
