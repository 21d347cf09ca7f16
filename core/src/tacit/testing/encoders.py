"""What is true of every encoder of what it answers: sizes, masks, targets, layers."""

from __future__ import annotations

from dataclasses import replace

import torch

from tacit.contract import MASK_MODES, Encoder, Encoding, Mask, MaskMode, Tokens
from tacit.testing.check import Check, expect, skip
from tacit.testing.encoder_runs import RUNS
from tacit.testing.encoder_subject import EncoderSubject, near


def shapes_are_those_declared(subject: EncoderSubject) -> None:
    """Vectors, tokens and the grid have the sizes the spec declares, and are finite."""
    encoder, value = subject.ready(), subject.value()
    spec, answer = encoder.spec, encoder(value)
    expect(answer.pooled.ndim == 2, f"pooled: wanted two axes; got {answer.pooled.ndim}")
    expect(answer.pooled.shape[1] == spec.width, f"pooled is not {spec.width} wide")
    expect(bool(answer.pooled.isfinite().all()), "pooled holds NaN or infinity")
    if not subject.whole:
        expect(
            len(answer.pooled) == 4, f"wanted 4 vectors of 4 instances; got {len(answer.pooled)}"
        )
    if spec.tokens == "none":
        return
    tokens = encoder.tokenize(value)
    for each in (tokens.values, answer.tokens):
        expect(each is not None, "the spec declares tokens, but the answer holds none")
        expect(each.ndim == (3 if spec.tokens == "dense" else 2), f"tokens are not {spec.tokens}")
    assert answer.tokens is not None
    expect(answer.tokens.shape[-1] == spec.width, f"tokens are not {spec.width} wide")
    if spec.tokens == "packed":
        expect(tokens.owner is not None, "packed tokens do not say whose they are (owner)")
    if spec.latent_width is not None:
        wanted = (*tokens.values.shape[:-1], spec.latent_width)
        expect(
            tokens.latents is not None and tuple(tokens.latents.shape) == wanted,
            f"latents are not {wanted}",
        )
    if spec.grid is not None and tokens.grid is None:
        size = int(torch.tensor(spec.grid).prod())
        expect(tokens.values.shape[1] == size, f"the grid {spec.grid} does not count the tokens")


def an_offer_provides_what_the_spec_declares(subject: EncoderSubject) -> None:
    """What the offer provides is what the encoder declares, but for what a setting may add."""
    if subject.declared is None:
        skip("it is not offered")
    assert subject.declared is not None
    has = subject.make().spec.capabilities()
    settings = {"positions:none"}
    if any(word.startswith("tokens:") for word in subject.declared) and not has:
        skip("tokens are a setting of it")
    extra = sorted(subject.declared - has - settings - {"tokens"})
    expect(not extra, f"the offer provides {', '.join(extra)}, which the encoder does not declare")


def an_instance_is_the_same_alone(subject: EncoderSubject) -> None:
    """In evaluation an instance's vector does not depend on its batch, padding included."""
    if subject.whole:
        skip("its instances are parts of one value")
    encoder = subject.ready(parameters=0.02)
    together = encoder(subject.value((0, 1, 2, 3))).pooled
    for index in range(4):
        alone = encoder(subject.value((index,))).pooled[0]
        far = float((alone - together[index]).abs().max().detach())
        expect(near(alone, together[index]), f"it moves by {far:.2g}")


def two_steps_are_one(subject: EncoderSubject) -> None:
    """Encoding what `tokenize` made is encoding the value."""
    encoder = _with_tokens(subject)
    value = subject.value()
    one, two = encoder(value), encoder(encoder.tokenize(value))
    expect(near(one.pooled, two.pooled), "pooled differs")


def hidden_tokens_are_hidden(subject: EncoderSubject) -> None:
    """Under every declared mask mode, what a hidden token holds changes nothing that is visible."""
    encoder = _with_tokens(subject)
    if not encoder.spec.mask_modes:
        skip("it declares no mask modes")
    tokens = encoder.tokenize(subject.value())
    for mode in sorted(encoder.spec.mask_modes):
        mask = _mask(tokens, mode)
        noise = torch.randn_like(tokens.values)
        other = torch.where(mask.hidden[..., None], tokens.values + noise, tokens.values)
        before, after = (
            encoder(tokens, mask=mask),
            encoder(replace(tokens, values=other), mask=mask),
        )
        _same_where_visible(before, after, mask)


def a_mask_changes_the_answer(subject: EncoderSubject) -> None:
    """No declared mask mode is ignored."""
    encoder = _with_tokens(subject)
    if not encoder.spec.mask_modes:
        skip("it declares no mask modes")
    tokens = encoder.tokenize(subject.value())
    plain = encoder(tokens).pooled
    for mode in sorted(encoder.spec.mask_modes):
        masked = encoder(tokens, mask=_mask(tokens, mode))
        expect(not torch.allclose(plain, masked.pooled), f"{mode}: the answer is that of no mask")


def dropped_tokens_are_left_out(subject: EncoderSubject) -> None:
    """Under a drop mask the tokens that come back are the visible ones, and `kept` says which."""
    encoder = _with_tokens(subject)
    if "drop" not in encoder.spec.mask_modes or encoder.spec.tokens != "dense":
        skip("it does not drop dense tokens")
    tokens = encoder.tokenize(subject.value())
    mask = _mask(tokens, "drop")
    answer = encoder(tokens, mask=mask)
    expect(answer.kept is not None, "kept is missing")
    expect(torch.equal(answer.kept, mask.visible_index()), "kept does not hold the visible tokens")
    expect(answer.tokens.shape[1] == answer.kept.shape[1], "tokens and kept differ in number")


def other_mask_modes_are_refused(subject: EncoderSubject) -> None:
    """A mask mode that is not declared is refused with a ValueError, never ignored."""
    encoder = subject.ready()
    left = [mode for mode in MASK_MODES if mode not in encoder.spec.mask_modes]
    if not left:
        skip("it honours every mode")
    value = subject.value()
    hidden = torch.zeros(4, 4, dtype=torch.bool)
    if encoder.spec.tokens != "none":
        hidden = _mask(encoder.tokenize(value), "replace").hidden
    for mode in left:
        try:
            encoder(value, mask=Mask(hidden, mode))
        except ValueError:
            continue
        raise AssertionError(f"a {mode!r} mask was taken without a word")


def targets_are_those_declared(subject: EncoderSubject) -> None:
    """Targets have a row for every token, and the width or the vocabulary declared."""
    encoder = subject.ready()
    spec = encoder.spec
    if spec.target_width is None and spec.vocabulary is None:
        skip("it declares no targets")
    value = subject.value()
    targets, tokens = encoder.token_targets(value), encoder.tokenize(value).values
    if spec.vocabulary is not None:
        expect(targets.shape == tokens.shape[:-1], "codes: wanted one for each token")
        expect(bool((targets < spec.vocabulary).all()), "a code is not in the vocabulary")
        return
    wanted = (*tokens.shape[:-1], spec.target_width)
    expect(targets.shape == wanted, f"wanted {wanted}; got {tuple(targets.shape)}")


def taps_return_the_layers_asked_for(subject: EncoderSubject) -> None:
    """Every layer declared can be tapped, and those not asked for stay out."""
    encoder = subject.ready()
    layers = encoder.spec.layers
    if not layers:
        skip("it declares no layers")
    asked = sorted({1, layers})
    found = encoder(subject.value(), taps=asked).layers
    expect(sorted(found) == asked, f"asked for {asked}, got {sorted(found)}")


def tokens_without_places_have_no_order(subject: EncoderSubject) -> None:
    """Where tokens do not know where they lie, their order does not change the embedding."""
    encoder = _with_tokens(subject)
    if encoder.spec.positions or encoder.spec.tokens != "dense":
        skip("its tokens know where they lie")
    tokens = encoder.tokenize(subject.value())
    valid = None if tokens.valid is None else tokens.valid.flip(1)
    turned = replace(tokens, values=tokens.values.flip(1), valid=valid)
    expect(near(encoder(tokens).pooled, encoder(turned).pooled), "it does")


ENCODERS = (
    Check(shapes_are_those_declared),
    Check(an_offer_provides_what_the_spec_declares),
    Check(an_instance_is_the_same_alone),
    Check(two_steps_are_one),
    Check(hidden_tokens_are_hidden),
    Check(a_mask_changes_the_answer),
    Check(dropped_tokens_are_left_out),
    Check(other_mask_modes_are_refused),
    Check(targets_are_those_declared),
    Check(taps_return_the_layers_asked_for),
    Check(tokens_without_places_have_no_order),
    *RUNS,
)


def _with_tokens(subject: EncoderSubject) -> Encoder:
    encoder = subject.ready(parameters=0.02)
    if encoder.spec.tokens == "none":
        skip("it only pools")
    return encoder


def _mask(tokens: Tokens, mode: MaskMode) -> Mask:
    """Every second token hidden, in every row the same number."""
    shape = tokens.values.shape[:-1]
    hidden = (torch.arange(shape[-1]) % 2 == 1).expand(shape).contiguous()
    if tokens.valid is not None and mode != "drop":
        hidden = hidden & tokens.valid
    per_row = shape[-1] // 2 if len(shape) == 2 and mode == "drop" else None
    return Mask(hidden, mode, per_row)


def _same_where_visible(before: Encoding, after: Encoding, mask: Mask) -> None:
    a, b = before.tokens, after.tokens
    assert a is not None
    assert b is not None
    if mask.mode == "query":  # the hidden ones look with their own content
        a, b = (torch.where(mask.hidden[..., None], 0.0, each) for each in (a, b))
    elif not near(before.pooled, after.pooled):
        raise AssertionError(f"{mask.mode}: pooled sees what is hidden")
    expect(near(a, b), f"{mask.mode}: visible tokens see what is hidden")
