"""Measures of sentence embeddings against independent ones."""

from __future__ import annotations

import torch
from scipy.stats import spearmanr

from tacit_text.probes import anisotropy, outlier_features, retrieval, similarity, spearman


def test_spearman_is_that_of_scipy_ties_and_all() -> None:
    draw = torch.Generator().manual_seed(0)
    a, b = torch.randint(6, (2, 50), generator=draw).double().unbind()
    assert abs(spearman(a, b) - spearmanr(a, b).statistic) < 1e-12


def test_anisotropy_is_the_mean_cosine_of_different_texts() -> None:
    x = torch.randn(20, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    cosine = torch.nn.functional.cosine_similarity(x[:, None], x[None], dim=-1)
    mean = (cosine.sum() - cosine.trace()) / (20 * 19)
    assert abs(anisotropy(x) - float(mean)) < 1e-12


def test_a_planted_feature_is_found_and_clipping_it_undoes_anisotropy() -> None:
    draw = torch.Generator().manual_seed(0)
    first = torch.randn(200, 64, generator=draw)
    second = first + 0.1 * torch.randn(200, 64, generator=draw)
    first[:, 7] += 20
    second[:, 7] += 20
    assert outlier_features(first).nonzero().flatten().tolist() == [7]
    assert anisotropy(first) > 0.8
    first[:, 7] = 0
    assert anisotropy(first) < 0.1


def test_similarity_of_embeddings_that_say_it_all_is_one() -> None:
    angle = torch.linspace(0, 3, 30)
    first = torch.stack([torch.ones(30), torch.zeros(30)], dim=1)
    second = torch.stack([angle.cos(), angle.sin()], dim=1)
    found = similarity(first, second, -angle)
    assert abs(found.spearman - 1) < 1e-6


def test_retrieval_counts_what_is_nearer() -> None:
    documents = torch.eye(4)
    queries = documents[[0, 1, 2]] + 0.6 * documents[[0, 2, 1]]
    wanted = torch.tensor([0, 1, 3])
    found = retrieval(queries, documents, wanted)
    assert abs(found["recall@1"] - 2 / 3) < 1e-9
    assert found["recall@10"] == 1.0
