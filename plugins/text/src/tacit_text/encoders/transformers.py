"""Any encoder of the transformers library."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from tacit.contract import EncoderSpec, Encoding, Mask, Tokens
from tacit_text.encoders.head import TiedHead
from tacit_text.encoders.pooling import Pool, pool
from tacit_text.encoders.subword import Sentence, SubwordEncoder
from tacit_text.modality import Preprocessing
from tacit_text.tokenizers import Tokenizer, open_tokenizer


@dataclass(frozen=True, kw_only=True)
class TransformersConfig:
    """Which network, and how it reads.

    Args:
        model: a folder that `AutoModel` loads, a `config.json`, or a name on the Hugging Face hub.
        pretrained: load its weights; off, only its configuration is used.
        tokenizer: see `tacit_text.tokenizers.open_tokenizer`; none: the model's own.
        max_tokens: of a text; none: as many as the model has positions.
        truncate: cut longer texts and count them, instead of refusing them.
        pool: from tokens to one vector.
    """

    model: str
    pretrained: bool = True
    tokenizer: str | None = None
    max_tokens: int | None = None
    truncate: bool = False
    pool: Pool = "mean"


class HuggingFace(SubwordEncoder):
    """A transformers encoder with its tokenizer.

    A mask under `replace` puts the embedding of the tokenizer's mask token where a token was, as
    masked language models have it, or a learned vector where it has none. Layers 1 to `layers` are
    the blocks' outputs.

    Args:
        network: takes `inputs_embeds` and `attention_mask`, answers `last_hidden_state`.
        tokenizer: fits the network's embeddings.
        name: what the tokenizer was opened by.
        pool: from tokens to one vector.
    """

    def __init__(self, network: Any, tokenizer: Tokenizer, name: str, *, pool: Pool) -> None:
        super().__init__(tokenizer, name)
        _check_fit(network, tokenizer)
        self.network, self.pool = network, pool
        self.mask_token: nn.Parameter | None = None
        if tokenizer.mask_id is None:
            self.mask_token = nn.Parameter(torch.zeros(self.table().shape[1]))
        self.spec = EncoderSpec(
            modality="text",
            width=network.config.hidden_size,
            tokens="dense",
            mask_modes=frozenset({"replace"}),
            layers=network.config.num_hidden_layers,
            vocabulary=self.table().shape[0],
            decoder=self._head,
            preprocessing=Preprocessing(
                tokenizer=name,
                vocabulary=len(tokenizer),
                rows=self.table().shape[0],
                features=self.table().shape[1],
                max_tokens=tokenizer.longest,
                truncate=tokenizer.truncate,
            ),
        )

    def table(self) -> Tensor:
        """The word embeddings."""
        table: Tensor = self.network.get_input_embeddings().weight
        return table

    def no_weight_decay(self) -> frozenset[str]:
        """The token that stands for hidden ones, where it is no word."""
        return frozenset() if self.mask_token is None else frozenset({"mask_token"})

    def exports(self) -> Mapping[str, Callable[[Path], None]]:
        """`transformers` and `sentence-transformers`, see `tacit_text.export`."""
        from tacit_text.export import export_sentence_transformers, export_transformers

        return {
            "transformers": partial(export_transformers, self),
            "sentence-transformers": partial(export_sentence_transformers, self),
        }

    def forward(
        self, value: Any | Tokens, *, mask: Mask | None = None, taps: Sequence[int] = ()
    ) -> Encoding:
        """Encode `Texts`, `Subwords`, or tokens made by `tokenize`.

        Raises:
            ValueError: what the spec does not declare, or texts the tokenizer refuses.
        """
        self.check_mask(mask)
        self.check_taps(taps)
        tokens = value if isinstance(value, Tokens) else self.tokenize(value)
        sentence = tokens.relations
        assert isinstance(sentence, Sentence), "tokens made by tokenize"
        deep = bool(taps) or self.pool == "first-last"
        answer = self.network(
            inputs_embeds=self._masked(tokens.values, mask),
            attention_mask=sentence.attended.to(torch.long),
            output_hidden_states=deep,
        )
        last, states = answer.last_hidden_state, answer.hidden_states if deep else None
        return Encoding(
            pooled=pool(self.pool, last, states[1] if states else None, sentence.attended),
            tokens=last,
            valid=tokens.valid,
            layers={tap: states[tap] for tap in taps} if states else {},
        )

    def _masked(self, values: Tensor, mask: Mask | None) -> Tensor:
        if mask is None:
            return values
        if self.mask_token is not None:
            token: Tensor = self.mask_token
        else:
            token = self.table()[self.tokenizer.mask_id]
        return mask.replaced(values, token)

    def _head(self, out: int) -> nn.Module:
        if out != self.table().shape[0]:
            return nn.Sequential(_Values(), nn.GELU(), nn.Linear(self.spec.width, out))
        config = self.network.config
        return TiedHead(
            width=self.spec.width,
            features=self.table().shape[1],
            vocabulary=self.table().shape[0],
            eps=getattr(config, "layer_norm_eps", 1e-12),
        )


class _Values(nn.Module):
    def forward(self, tokens: Tokens) -> Tensor:
        return tokens.values


class Transformers(HuggingFace):
    """Any encoder of the transformers library, by name, folder or configuration.

    Raises:
        ValueError: the model or its tokenizer cannot be loaded, or they do not fit each other.
    """

    Config: ClassVar[type[TransformersConfig]] = TransformersConfig
    shorthand = "model"

    def __init__(self, config: TransformersConfig) -> None:
        network = _load(config)
        positions = getattr(network.config, "max_position_embeddings", None)
        longest = config.max_tokens or _usable(network, positions)
        if positions is not None and longest > _usable(network, positions):
            raise ValueError(
                f"max_tokens: wanted at most the model's {_usable(network, positions)} positions; "
                f"got {longest}"
            )
        name = config.tokenizer or _beside(config.model)
        tokenizer = open_tokenizer(name, longest=longest, truncate=config.truncate)
        super().__init__(network, tokenizer, name, pool=config.pool)
        self.config = config


def _usable(network: Any, positions: int | None) -> int:
    if positions is None:
        return 512
    # RoBERTa and its like count positions from behind the padding token.
    offset = (network.config.pad_token_id or 0) + 1 if _counts_from_pad(network) else 0
    return positions - offset


def _counts_from_pad(network: Any) -> bool:
    kinds = ("roberta", "xlm-roberta", "camembert", "mpnet", "longformer")
    return network.config.model_type in kinds


def _beside(model: str) -> str:
    path = Path(model)
    return str(path.parent) if path.is_file() else model


def _load(config: TransformersConfig) -> Any:
    from transformers import AutoConfig, AutoModel

    try:
        if config.pretrained:
            return AutoModel.from_pretrained(config.model)
        return AutoModel.from_config(AutoConfig.from_pretrained(config.model))
    except Exception as error:  # the hub, the network and every model class raise their own
        raise ValueError(
            f"model: {config.model!r} cannot be loaded: {str(error).splitlines()[0]}. Name a "
            "folder, a config.json with pretrained=false, or a name on a hub that can be reached"
        ) from error


def _check_fit(network: Any, tokenizer: Tokenizer) -> None:
    rows = network.get_input_embeddings().weight.shape[0]
    if len(tokenizer) > rows:
        raise ValueError(
            f"tokenizer: it has {len(tokenizer)} tokens and the model embeds {rows}: it is not "
            "this model's; name its own, or add rows (model.resize_token_embeddings) and save it"
        )
