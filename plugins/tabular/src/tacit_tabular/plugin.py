"""What tacit-tabular offers: tables, problems of rows, and bags; encoders, views, sources."""

from __future__ import annotations

from tacit.plugin import Offer, hookimpl

_TABLE = frozenset({"table"})
_PROBLEM = frozenset({"problem"})
_BAG = frozenset({"bag"})


@hookimpl
def tacit_modalities() -> list[Offer]:
    """Tables, small data sets of rows and labels, and sets of codes with values."""
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
        Offer(
            name="tabular/bag",
            target="tacit_tabular.bags:Bag",
            summary="Sets of codes with values, such as a patient's laboratory tests",
            modality=_BAG,
        ),
    ]


_TOKENS = ("tokens", "tokens:dense", "targets:own", "taps")
# Name, class, modality, capabilities, summary and source of each.
_ENCODERS = (
    (
        "transformer",
        "Transformer",
        _TABLE,
        (*_TOKENS, "mask:drop", "mask:replace", "mask:query"),
        "Transformer whose tokens are columns",
        "Gorishniy et al. 2021, arXiv:2106.11959",
    ),
    ("mlp", "Mlp", _TABLE, ("targets:own",), "Multi-layer perceptron over all cells of a row", ""),
    (
        "resnet",
        "ResNet",
        _TABLE,
        ("targets:own",),
        "Residual network over all cells of a row",
        "Gorishniy et al. 2021, arXiv:2106.11959",
    ),
    (
        "in-context",
        "InContext",
        _PROBLEM,
        _TOKENS,
        "Transformer over the rows of a problem, which answers for its labels",
        "Müller et al. 2022, arXiv:2112.10510",
    ),
    (
        "bag-transformer",
        "BagTransformer",
        _BAG,
        (*_TOKENS, "mask:replace"),
        "Transformer over the items of a bag, blind to their order",
        "Bellamy et al. 2023, arXiv:2312.11502",
    ),
)


@hookimpl
def tacit_encoders() -> list[Offer]:
    """Networks that embed rows, problems and bags."""
    return [
        Offer(
            name=f"tabular/{name}",
            target=f"tacit_tabular.encoders:{target}",
            summary=summary,
            modality=modality,
            provides=provides,
            source=source,
        )
        for name, target, modality, provides, summary, source in _ENCODERS
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
_BAG_VIEWS = (
    (
        "sub-bags",
        "SubBags",
        "Two views of a bag, each with some of its items",
        "Gondal et al. 2021, arXiv:2010.07093",
    ),
    ("whole-bag", "WholeBag", "A bag as it is, whose items are to be masked", ""),
)
_POLICIES = {
    "two-samples": "two-views",
    "whole": "masked",
    "sub-bags": "two-views",
    "whole-bag": "masked",
}


@hookimpl
def tacit_augmentations() -> list[Offer]:
    """Ways to make views of rows, of problems and of bags."""
    return [
        Offer(
            name=f"tabular/{name}",
            target=f"tacit_tabular.views:{target}",
            summary=summary,
            modality=modality,
            provides=(f"views:{_POLICIES.get(name, name)}",),
            source=source,
        )
        for modality, views in (
            (_TABLE, _ROW_VIEWS),
            (_PROBLEM, _PROBLEM_VIEWS),
            (_BAG, _BAG_VIEWS),
        )
        for name, target, summary, source in views
    ]


# Name, class, modality, summary and source of each.
_SOURCES = (
    (
        "files",
        "Files",
        _TABLE,
        "A table in CSV, parquet or Arrow, or a folder of train and test",
        "",
    ),
    (
        "large",
        "Large",
        _TABLE,
        "A table in parquet that is larger than memory, or a folder of train and test",
        "",
    ),
    (
        "process",
        "Process",
        _PROBLEM,
        "Problems drawn from a Gaussian process, without end",
        "Müller et al. 2022, arXiv:2112.10510",
    ),
    (
        "drawn-problems",
        "DrawnProblems",
        _PROBLEM,
        "128 problems of two Gaussian processes, told apart by their lengthscale",
        "",
    ),
    (
        "bags",
        "BagFiles",
        _BAG,
        "Bags in CSV, parquet or Arrow: an item a row, or columns of lists",
        "",
    ),
    (
        "drawn-bags",
        "DrawnBags",
        _BAG,
        "128 made-up patients with 3 to 9 tests each, 2 classes; no network",
        "",
    ),
    ("wine", "Wine", _TABLE, "178 wines, 13 numbers, 3 classes; no network", "scikit-learn"),
    (
        "breast-cancer",
        "BreastCancer",
        _TABLE,
        "569 tumours, 30 numbers, 2 classes; no network",
        "scikit-learn",
    ),
    (
        "diabetes",
        "Diabetes",
        _TABLE,
        "442 patients, 10 numbers, a value; no network",
        "scikit-learn",
    ),
)


@hookimpl
def tacit_sources() -> list[Offer]:
    """Where tables, problems and bags come from."""
    return [
        Offer(
            name=f"tabular/{name}",
            target=f"tacit_tabular.data:{target}",
            summary=summary,
            modality=modality,
            source=source,
        )
        for name, target, modality, summary, source in _SOURCES
    ]


@hookimpl
def tacit_methods() -> list[Offer]:
    """Methods for tables, problems and bags."""
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
            "labrador",
            "Code and value of a hidden item of a bag are predicted from the others",
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
            modality={"pfn": _PROBLEM, "labrador": _BAG}.get(name, _TABLE),
            requires=requires,
            source=source,
        )
        for name, summary, requires, source in known
    ]
