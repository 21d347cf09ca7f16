"""What tacit-graph offers: graphs, their encoders, views, sources and methods."""

from __future__ import annotations

from tacit.plugin import Offer, hookimpl

_GRAPH = frozenset({"graph"})
_TOKENS = (
    "tokens",
    "tokens:packed",
    "targets",
    "mask:replace",
    "taps",
    "decoder",
    "positions:none",
)


# Sizes that are those of the graph encoders, a contrast of parts with their whole, graphs joined to
# one batch, and tasks made of nodes and edges.
_OF_GRAPHS = (
    *("bgrl", "infograph", "d-sla", "links", "pareto-gnn"),
    *("clustering", "partition", "completion", "ss-gcn"),
)
_MASKED = ("views:masked", "tokens", "targets", "mask:replace")
_MANY_VIEWS = (
    (
        "linked",
        "Linked",
        "One copy, and pairs of its nodes of which half are joined",
        ("views:linked",),
        "Ju et al. 2023, arXiv:2210.02016",
    ),
    (
        "many-tasks",
        "ManyTasks",
        "The views of five tasks: two edited, whole, shuffled, masked, linked",
        ("views:many-tasks",),
        "Ju et al. 2023, arXiv:2210.02016",
    ),
    (
        "perturbed",
        "Perturbed",
        "A graph, and copies that are a known number of edges away",
        ("views:perturbed",),
        "Kim et al. 2022, arXiv:2202.02989",
    ),
)
_ON_PAIRS = (
    (
        "links",
        "Nodes that are joined are told from random pairs",
        ("views:linked", "tokens:packed"),
        "Ju et al. 2023, arXiv:2210.02016",
    ),
    (
        "pareto-gnn",
        "Five tasks at once, none of which a step makes worse: min-norm weights",
        ("views:many-tasks", "tokens:packed", "targets", "mask:replace", "decoder"),
        "Ju et al. 2023, arXiv:2210.02016",
    ),
    (
        "d-sla",
        "A graph is told from edited copies, which lie as far from it as they were edited",
        ("views:perturbed",),
        "Kim et al. 2022, arXiv:2202.02989",
    ),
)
_SS_GCN = tuple(
    (name, summary, requires, "You et al. 2020, arXiv:2006.09136")
    for name, summary, requires in (
        (
            "clustering",
            "The cluster of a node's raw features is told from its embedding",
            ("views:masked", "instances"),
        ),
        (
            "partition",
            "In which of several parts of the graph a node lies is told from its embedding",
            ("views:masked", "instances"),
        ),
        (
            "completion",
            "Features of hidden nodes are told from those around by a linear map",
            _MASKED,
        ),
        (
            "ss-gcn",
            "Labels of the training nodes, and a self-supervised task on all, learnt together",
            ("views:masked", "instances", "tokens", "decoder"),
        ),
    )
)


@hookimpl
def tacit_modalities() -> list[Offer]:
    """Graphs."""
    return [
        Offer(
            name="graph/graph",
            target="tacit_graph.modality:Graph",
            summary="Nodes of one graph, or many graphs, as PyG's Data",
            modality=_GRAPH,
        )
    ]


@hookimpl
def tacit_encoders() -> list[Offer]:
    """Networks that embed nodes and graphs."""
    known = (
        ("gcn", "Gcn", "Graph convolutional network", "Kipf and Welling 2017, arXiv:1609.02907"),
        ("gat", "Gat", "Graph attention network", "Velickovic et al. 2018, arXiv:1710.10903"),
        ("gin", "Gin", "Graph isomorphism network", "Xu et al. 2019, arXiv:1810.00826"),
        ("sage", "Sage", "GraphSAGE, mean of neighbours", "Hamilton et al. 2017, arXiv:1706.02216"),
    )
    return [
        Offer(
            name=f"graph/{name}",
            target=f"tacit_graph.encoders:{target}",
            summary=summary,
            modality=_GRAPH,
            provides=_TOKENS,
            source=source,
        )
        for name, target, summary, source in known
    ]


@hookimpl
def tacit_augmentations() -> list[Offer]:
    """Ways to make views of graphs."""
    known = (
        (
            "two-views",
            "TwoViews",
            "Two copies without some edges and features",
            ("views:two-views",),
            "Zhu et al. 2020, arXiv:2006.04131",
        ),
        (
            "masked",
            "Masked",
            "One copy whose nodes are to be masked",
            ("views:masked",),
            "Hou et al. 2022, arXiv:2205.10803",
        ),
        (
            "shuffled",
            "Shuffled",
            "The graph, and a copy whose nodes have others' features",
            ("views:shuffled",),
            "Velickovic et al. 2019, arXiv:1809.10341",
        ),
        (
            "one-of",
            "OneOf",
            "Two copies; each graph loses or gains nodes, edges or features",
            ("views:one-of-edits",),
            "You et al. 2020, arXiv:2010.13902",
        ),
        *_MANY_VIEWS,
    )
    return [
        Offer(
            name=f"graph/{name}",
            target=f"tacit_graph.views:{target}",
            summary=summary,
            modality=_GRAPH,
            provides=provides,
            source=source,
        )
        for name, target, summary, provides, source in known
    ]


@hookimpl
def tacit_sources() -> list[Offer]:
    """Where graphs come from."""
    known = (
        ("karate", "Karate", "Zachary's karate club: 34 nodes, 4 communities; needs no network"),
        ("digits", "Digits", "1797 handwritten digits joined to the nearest; needs no network"),
        ("planetoid", "Planetoid", "A raw folder of Planetoid: Cora, CiteSeer, PubMed"),
        ("tu", "Tu", "A raw folder of the TU collection: MUTAG, PROTEINS and others"),
        ("tables", "Tables", "A table of edges and one of nodes, CSV or parquet"),
        ("networkx", "Networkx", "A GraphML or GML file, through NetworkX"),
        ("smiles", "Smiles", "Molecules: a column of SMILES in a table; needs rdkit"),
        ("pyg", "PygNodes", "One graph of torch_geometric.datasets, by name"),
        ("pyg-graphs", "PygGraphs", "Many graphs of torch_geometric.datasets, by name"),
    )
    return [
        Offer(
            name=f"graph/{name}",
            target=f"tacit_graph.data:{target}",
            summary=summary,
            modality=_GRAPH,
        )
        for name, target, summary in known
    ]


@hookimpl
def tacit_readers() -> list[Offer]:
    """Columns of tables that can be paired with others."""
    return [
        Offer(
            name="graph/smiles-column",
            target="tacit_graph.data.column:SmilesColumn",
            summary="Molecules: a column of SMILES; needs rdkit",
            modality=_GRAPH,
        )
    ]


@hookimpl
def tacit_methods() -> list[Offer]:
    """Methods for graphs."""
    masked = (*_MASKED, "decoder")
    pairs = ("views:two-views",)
    known = (
        (
            "graphmae",
            "Features of hidden nodes are reconstructed by a graph decoder",
            masked,
            "Hou et al. 2022, arXiv:2205.10803",
        ),
        (
            "grace",
            "Two views of a node attract, all other nodes of both views repel",
            pairs,
            "Zhu et al. 2020, arXiv:2006.04131",
        ),
        (
            "bgrl",
            "A node's view predicts a moving-average teacher's embedding of the other",
            (*pairs, "teacher"),
            "Thakoor et al. 2022, arXiv:2102.06514",
        ),
        (
            "cca-ssg",
            "Two views of a node agree, and features are decorrelated",
            pairs,
            "Zhang et al. 2021, arXiv:2106.12484",
        ),
        (
            "dgi",
            "Nodes are told from those of a shuffled graph by a summary of the graph",
            ("views:shuffled",),
            "Velickovic et al. 2019, arXiv:1809.10341",
        ),
        (
            "graphcl",
            "Two edited copies of a graph attract, those of other graphs repel",
            ("views:one-of-edits",),
            "You et al. 2020, arXiv:2010.13902",
        ),
        (
            "infograph",
            "Nodes tell their own graph from the others of the batch",
            ("views:masked", "tokens"),
            "Sun et al. 2020, arXiv:1908.01000",
        ),
        *_ON_PAIRS,
        *_SS_GCN,
    )
    return [
        Offer(
            name=f"graph/{name}",
            target=f"tacit_graph.methods:{name.replace('-', '_')}",
            summary=summary,
            modality=_GRAPH if name in _OF_GRAPHS else frozenset(),
            requires=requires,
            source=source,
        )
        for name, summary, requires, source in known
    ]


@hookimpl
def tacit_recipes() -> list[Offer]:
    """Runs as their authors set them; see `recipes` for which are measured."""
    node = ("graphmae", "dgi", "grace", "bgrl", "cca-ssg")
    many = ("graphmae", "graphcl", "infograph")
    known = [
        *((data, method) for data in ("cora", "citeseer") for method in node),
        *((data, method) for data in ("mutag", "proteins") for method in many),
        ("mutag", "d-sla"),
        *(("cora", method) for method in ("ss-gcn", "ss-gcn-clustering", "ss-gcn-completion")),
    ]
    demo = Offer(
        name="graph/digits-graphmae-v1",
        target="tacit_graph.recipes:digits_graphmae_v1",
        summary="GraphMAE on embedded digits joined to the nearest: the demonstration",
        modality=_GRAPH,
    )
    pairs = Offer(
        name="graph/molecules-clip-v1",
        target="tacit_graph.recipes:molecules_clip_v1",
        summary="CLIP on molecules with descriptions, given with --data (needs tacit-text)",
        modality=_GRAPH | {"text"},
    )
    return [
        demo,
        pairs,
        *(
            Offer(
                name=f"graph/{data}-{method}-v1",
                target=f"tacit_graph.recipes:{data}_{method.replace('-', '_')}_v1",
                summary=f"{method} as set for {data}, given with --data",
                modality=_GRAPH,
            )
            for data, method in known
        ),
    ]
