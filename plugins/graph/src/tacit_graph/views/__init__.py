"""Views of graphs, each with its record."""

from tacit_graph.views.linked import Linked, LinkedConfig, ManyTasks, ManyTasksConfig
from tacit_graph.views.one_of import OneOf, OneOfConfig
from tacit_graph.views.perturbed import Perturbed, PerturbedConfig
from tacit_graph.views.policies import (
    Edits,
    Masked,
    MaskedConfig,
    Shuffled,
    ShuffledConfig,
    TwoViews,
    TwoViewsConfig,
    edit,
)

__all__ = [
    "Edits",
    "Linked",
    "LinkedConfig",
    "ManyTasks",
    "ManyTasksConfig",
    "Masked",
    "MaskedConfig",
    "OneOf",
    "OneOfConfig",
    "Perturbed",
    "PerturbedConfig",
    "Shuffled",
    "ShuffledConfig",
    "TwoViews",
    "TwoViewsConfig",
    "edit",
]
