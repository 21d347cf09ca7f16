"""What methods are chosen by, in words: their families, and what they may need."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Family:
    """Methods that are chosen between for the same reasons.

    Args:
        modules: last parts of the names of the modules their objectives lie in.
        when: to use them.
    """

    modules: tuple[str, ...]
    when: str


FAMILIES = {
    "Contrastive": Family(
        modules=(
            "joint_embedding:SimClr",
            "contrast",
            "remembered",
            "global_contrast",
            "guided",
            "infomax",
        ),
        when="Views that keep what matters are known, and instances are distinct. A first choice "
        "for retrieval and neighbours. Negatives come from the batch: prefer large ones, or a "
        "method that remembers (a queue, running averages) where memory is short.",
    ),
    "Without negatives": Family(
        modules=("joint_embedding", "correlation", "lejepa", "mixed", "entropic", "cca_ssg"),
        when="Views are known, but batches are small or instances resemble each other, so that "
        "pushing them apart would be wrong. The embedding's covariance keeps it from collapsing.",
    ),
    "Self-distillation and clustering": Family(
        modules=(
            *("distillation", "self_distillation", "masked_distillation", "random_teacher"),
            *("clustering", "offline_clustering"),
        ),
        when="Views are known and semantic groups are wanted. Stronger in long runs than in short "
        "ones, and more sensitive to temperatures and momentum: watch the rank.",
    ),
    "Masked and latent prediction": Family(
        modules=(
            *("masked_prediction", "context_autoencoder", "detection", "tokenizer_distillation"),
            *("courses", "mert"),
        ),
        when="No views are known that keep what matters, encoders have tokens, and fine-tuning or "
        "a probe on tokens follows. Linear probes of short runs are weaker than those of methods "
        "with views.",
    ),
    "Pretext tasks": Family(
        modules=(
            *("pretext", "sit", "equivariant", "vime", "links", "pareto"),
            *("discrepancy", "made_labels", "ss_gcn"),
        ),
        when="What was done to a view is itself worth knowing (how it is turned, ordered, which "
        "part belongs to which whole), or where it lies among others, or a cheap "
        "baseline is wanted.",
    ),
    "Generative": Family(
        modules=("autoencoder", "adversarial", "mutual_information", "denoising", "encoding"),
        when="The instance must be recoverable from one vector, or no views are known and the "
        "encoder has no tokens.",
    ),
    "Prior-fitted": Family(
        modules=("pfn",),
        when="There is a prior from which whole data sets can be drawn, and many small ones are to "
        "be answered at once, each with its own few labels, without training on any of them.",
    ),
    "Between modalities": Family(
        modules=(
            *("cross_modal", "cross_modal_global", "cross_modal_redundancy"),
            *("masked_across", "masked_clip", "mined_triplets"),
        ),
        when="Instances have members in two modalities or more, and one is to be found by another.",
    ),
}
NEEDS = {
    "tokens": "an encoder with tokens",
    "tokens:dense": "an encoder whose tokens are dense: the same number for every instance",
    "targets": "an encoder that says what its tokens hold",
    "decoder": "an encoder that brings a decoder",
    "teacher": "a teacher: a second set of weights and forward passes by it",
    "pairs": "instances with members in several modalities",
    "mix": "a modality whose values mix",
    "groups": "a group for every instance: it is told which belong together",
    "instances": "data of a known size, since it keeps state for every instance",
    "positions:none": "an encoder without positions",
}
