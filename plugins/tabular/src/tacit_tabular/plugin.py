"""What tacit-tabular offers: tables, and problems of rows, their encoders, views and sources."""

from __future__ import annotations

from tacit.plugin import Offer, hookimpl

_TABLE = frozenset({"table"})
_PROBLEM = frozenset({"problem"})


@hookimpl
def tacit_modalities() -> list[Offer]:
    """Tables, and small data sets of rows and labels."""
    return [
        Offer(
            name="tabular/table",
            target="tacit_tabular.modality:Table",
            summary="Rows of numbers and categories, some missing",
            modality=_TABLE,
        ),
        Offer(
            name="tabular/problem",
            target="tacit_tabular.problems:Problem",
            summary="Small data sets, each of rows and labels of one function",
            modality=_PROBLEM,
        ),
    ]


@hookimpl
def tacit_encoders() -> list[Offer]:
    """Networks that embed rows, and problems."""
    return [
        Offer(
            name="tabular/transformer",
            target="tacit_tabular.encoders:Transformer",
            summary="Transformer whose tokens are columns",
            modality=_TABLE,
            provides=(
                "tokens",
                "tokens:dense",
                "mask:drop",
                "mask:replace",
                "mask:query",
                "targets:own",
                "taps",
            ),
            source="Gorishniy et al. 2021, arXiv:2106.11959",
        ),
        Offer(
            name="tabular/mlp",
            target="tacit_tabular.encoders:Mlp",
            summary="Multi-layer perceptron over all cells of a row",
            modality=_TABLE,
            provides=("targets:own",),
        ),
        Offer(
            name="tabular/resnet",
            target="tacit_tabular.encoders:ResNet",
            summary="Residual network over all cells of a row",
            modality=_TABLE,
            provides=("targets:own",),
            source="Gorishniy et al. 2021, arXiv:2106.11959",
        ),
        Offer(
            name="tabular/in-context",
            target="tacit_tabular.encoders:InContext",
            summary="Transformer over the rows of a problem, which answers for its labels",
            modality=_PROBLEM,
            provides=("tokens", "tokens:dense", "targets:own", "taps"),
            source="Müller et al. 2022, arXiv:2112.10510",
        ),
    ]


# Name, class, summary and source of each; the policy is the name, where no other is given.
_ROW_VIEWS = (
    (
        "two-views",
        "TwoViews",
        "A row, and a copy with cells of other rows",
        "Bahri et al. 2022, arXiv:2106.15147",
    ),
    (
        "corrupted",
        "Corrupted",
        "A row, and a copy with fewer cells of other rows",
        "Yoon et al. 2020, NeurIPS 33",
    ),
    ("masked", "Masked", "A row as it is, whose columns are to be masked", ""),
    (
        "permuted",
        "Permuted",
        "A row, and a copy of the batch with whole columns permuted",
        "Breiman 2001, Random Forests, section 10",
    ),
    (
        "subsets",
        "Subsets",
        "Several copies of a row, each with other columns",
        "Ucar et al. 2021, arXiv:2110.04361",
    ),
    (
        "mixup",
        "Mixup",
        "A row, and a copy mixed with another row",
        "Darabi et al. 2021, arXiv:2108.12296",
    ),
    (
        "quantile-noise",
        "QuantileNoise",
        "A row, and a copy whose numbers moved along their column's quantiles",
        "",
    ),
)
_PROBLEM_VIEWS = (
    (
        "asked",
        "Asked",
        "A problem some of whose labels are asked for",
        "Müller et al. 2022, arXiv:2112.10510",
    ),
    (
        "two-samples",
        "TwoSamples",
        "Two halves of a problem's rows",
        "Gondal et al. 2021, arXiv:2010.07093",
    ),
    ("whole", "Whole", "A problem as it is", ""),
)
_POLICIES = {"two-samples": "two-views", "whole": "masked"}


@hookimpl
def tacit_augmentations() -> list[Offer]:
    """Ways to make views of rows, and of problems."""
    return [
        Offer(
            name=f"tabular/{name}",
            target=f"tacit_tabular.views:{target}",
            summary=summary,
            modality=modality,
            provides=(f"views:{_POLICIES.get(name, name)}",),
            source=source,
        )
        for modality, views in ((_TABLE, _ROW_VIEWS), (_PROBLEM, _PROBLEM_VIEWS))
        for name, target, summary, source in views
    ]


@hookimpl
def tacit_sources() -> list[Offer]:
    """Where tables and problems come from."""
    files = Offer(
        name="tabular/files",
        target="tacit_tabular.data:Files",
        summary="A table in CSV, parquet or Arrow, or a folder of train and test",
        modality=_TABLE,
    )
    large = Offer(
        name="tabular/large",
        target="tacit_tabular.data:Large",
        summary="A table in parquet that is larger than memory, or a folder of train and test",
        modality=_TABLE,
    )
    process = Offer(
        name="tabular/process",
        target="tacit_tabular.data:Process",
        summary="Problems drawn from a Gaussian process, without end",
        modality=_PROBLEM,
        source="Müller et al. 2022, arXiv:2112.10510",
    )
    drawn = Offer(
        name="tabular/drawn-problems",
        target="tacit_tabular.data:DrawnProblems",
        summary="128 problems of two Gaussian processes, told apart by their lengthscale",
        modality=_PROBLEM,
    )
    return [
        files,
        large,
        process,
        drawn,
        *(
            Offer(
                name=f"tabular/{name}",
                target=f"tacit_tabular.data:{target}",
                summary=summary,
                modality=_TABLE,
                source="scikit-learn",
            )
            for name, target, summary in (
                ("wine", "Wine", "178 wines, 13 numbers, 3 classes; no network"),
                ("breast-cancer", "BreastCancer", "569 tumours, 30 numbers, 2 classes; no network"),
                ("diabetes", "Diabetes", "442 patients, 10 numbers, a value; no network"),
            )
        ),
    ]


@hookimpl
def tacit_methods() -> list[Offer]:
    """Methods for tables."""
    known = (
        (
            "scarf",
            "A row and its copy with cells of other rows attract, all other rows repel",
            ("views:two-views",),
            "Bahri et al. 2022, arXiv:2106.15147",
        ),
        (
            "vime",
            "Changed cells of a row are found, and mended",
            ("views:corrupted", "targets:own"),
            "Yoon et al. 2020, NeurIPS 33",
        ),
        (
            "mvm",
            "Values of hidden columns are predicted, numbers as numbers",
            ("views:masked", "tokens", "targets:own", "mask:replace"),
            "Bellamy et al. 2023, arXiv:2312.11502",
        ),
        (
            "t-jepa",
            "A moving-average teacher's latents of some columns are predicted from others",
            ("views:masked", "tokens", "tokens:dense", "mask:drop", "teacher"),
            "Thimonier et al. 2024, arXiv:2410.05016",
        ),
        (
            "pfn",
            "Labels asked for are answered as the prior of the problems would",
            ("views:asked", "tokens", "targets:own"),
            "Müller et al. 2022, arXiv:2112.10510",
        ),
    )
    return [
        Offer(
            name=f"tabular/{name}",
            target=f"tacit_tabular.methods:{name.replace('-', '_')}",
            summary=summary,
            modality=_PROBLEM if "views:asked" in requires else _TABLE,
            requires=requires,
            source=source,
        )
        for name, summary, requires, source in known
    ]
