"""Probes of frozen encoders, each beside its baselines, and what embeddings tell without labels."""

from tacit.evaluation.canonical import Cca, CcaConfig, fit_cca
from tacit.evaluation.embed import (
    Tap,
    embed,
    embed_layers,
    embed_views,
    evaluation_mode,
    raw_features,
)
from tacit.evaluation.embeddings import Embeddings
from tacit.evaluation.evaluate import DEFAULT_PROBES, LABELLED, SPANNED, evaluate
from tacit.evaluation.fine_tune import (
    FineTuneConfig,
    FineTuned,
    Labelled,
    Readable,
    fine_tune,
)
from tacit.evaluation.geometry import alignment, anisotropy, uniformity
from tacit.evaluation.label_free import Collapse, CollapseConfig, collapsed, lidar, rankme
from tacit.evaluation.layers import LayersClassifier, LayersProbeConfig, layers_probe
from tacit.evaluation.linear import (
    LinearClassifier,
    LinearProbeConfig,
    fit_logistic,
    linear_probe,
)
from tacit.evaluation.logistic import LogisticConfig
from tacit.evaluation.metrics import accuracy, r2, rmse
from tacit.evaluation.neighbours import (
    KnnConfig,
    Neighbours,
    knn_predict,
    knn_regress,
    knn_votes,
    nearest,
)
from tacit.evaluation.pairs import Towers, evaluate_pairs
from tacit.evaluation.perceptron import Perceptron, PerceptronConfig, perceptron_probe
from tacit.evaluation.probes import (
    AlignmentProbe,
    FineTuneProbe,
    KnnProbe,
    LayersProbe,
    LinearProbe,
    Need,
    Origin,
    PerceptronProbe,
    Probe,
    RankMeProbe,
    Sample,
    UniformityProbe,
    named_probes,
)
from tacit.evaluation.prompts import Prompts
from tacit.evaluation.retrieval import Retrieval, chance, classify, modality_gap, retrieve
from tacit.evaluation.ridge import LinearRegressor, RidgeProbeConfig, fit_ridge, ridge_probe
from tacit.evaluation.scores import Features, Score, aggregate, score_table, to_json, verdict
from tacit.evaluation.splits import (
    Split,
    few_of_each,
    grouped_split,
    random_split,
    stratified_split,
)
from tacit.evaluation.targets import Target, Task
from tacit.evaluation.tokens import Spanned, embed_tokens, raw_tokens

__all__ = [
    "DEFAULT_PROBES",
    "LABELLED",
    "SPANNED",
    "AlignmentProbe",
    "Cca",
    "CcaConfig",
    "Collapse",
    "CollapseConfig",
    "Embeddings",
    "Features",
    "FineTuneConfig",
    "FineTuneProbe",
    "FineTuned",
    "KnnConfig",
    "KnnProbe",
    "Labelled",
    "LayersClassifier",
    "LayersProbe",
    "LayersProbeConfig",
    "LinearClassifier",
    "LinearProbe",
    "LinearProbeConfig",
    "LinearRegressor",
    "LogisticConfig",
    "Need",
    "Neighbours",
    "Origin",
    "Perceptron",
    "PerceptronConfig",
    "PerceptronProbe",
    "Probe",
    "Prompts",
    "RankMeProbe",
    "Readable",
    "Retrieval",
    "RidgeProbeConfig",
    "Sample",
    "Score",
    "Spanned",
    "Split",
    "Tap",
    "Target",
    "Task",
    "Towers",
    "UniformityProbe",
    "accuracy",
    "aggregate",
    "alignment",
    "anisotropy",
    "chance",
    "classify",
    "collapsed",
    "embed",
    "embed_layers",
    "embed_tokens",
    "embed_views",
    "evaluate",
    "evaluate_pairs",
    "evaluation_mode",
    "few_of_each",
    "fine_tune",
    "fit_cca",
    "fit_logistic",
    "fit_ridge",
    "grouped_split",
    "knn_predict",
    "knn_regress",
    "knn_votes",
    "layers_probe",
    "lidar",
    "linear_probe",
    "modality_gap",
    "named_probes",
    "nearest",
    "perceptron_probe",
    "r2",
    "random_split",
    "rankme",
    "raw_features",
    "raw_tokens",
    "retrieve",
    "ridge_probe",
    "rmse",
    "score_table",
    "stratified_split",
    "to_json",
    "uniformity",
    "verdict",
]
