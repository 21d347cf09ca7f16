"""View policies: what they make, that records are complete, and where randomness comes from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torchvision.transforms.v2 import functional as reference

from tacit.contract import Augmentation
from tacit_vision.views import (
    Masked,
    MaskedConfig,
    MultiCrop,
    MultiCropConfig,
    Recipe,
    Record,
    TwoViews,
    TwoViewsConfig,
    draw,
    host,
    render,
)
from tacit_vision.views.blur import default_radius
from tacit_vision.views.record import select

BYOL = TwoViewsConfig(blur_probability=(1.0, 0.1), solarise_probability=(0.0, 0.2))
NORMALISED = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
EVERYTHING = Recipe(blur_probability=0.5, solarise_probability=0.3, **NORMALISED)
ALWAYS = {"crop", "flip"}
COLOUR = {"jitter", "brightness", "contrast", "saturation", "hue", "order", "grayscale"}


def images(batch: int = 6, channels: int = 3, height: int = 32, width: int = 32) -> Tensor:
    shape = (batch, channels, height, width)
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


POLICIES: list[tuple[Any, Any]] = [
    (TwoViews(), lambda config, _: config.recipes()),
    (TwoViews(BYOL), lambda config, _: config.recipes()),
    (TwoViews(replace(BYOL, colour="fused", size=20)), lambda config, _: config.recipes()),
    (TwoViews(TwoViewsConfig(colour="fused", size=100)), lambda config, _: config.recipes()),
    (MultiCrop(MultiCropConfig(local_count=3)), lambda config, side: config.recipes(side)),
    (Masked(), lambda config, _: (config.recipe(),)),
]


@pytest.mark.parametrize(("policy", "recipes"), POLICIES)
def test_views_are_replayed_exactly_by_their_record(policy: Any, recipes: Any) -> None:
    source = images()
    views = policy(source, generator())
    for view, recipe in zip(views, recipes(policy.config, 32), strict=True):
        again = render(recipe, source, Record.from_meta(view.meta))
        assert torch.equal(again, view.value)


@pytest.mark.parametrize(("policy", "recipes"), POLICIES)
def test_policies_keep_the_contract(policy: Augmentation, recipes: Any) -> None:
    views = policy(images(), generator())
    assert tuple(view.role for view in views) == policy.roles
    for view in views:
        assert view.meta.keys() >= policy.meta
        assert all(len(value) == 6 for value in view.meta.values())
        assert view.value.dtype == torch.float32
        assert view.value.isfinite().all()


@pytest.mark.parametrize(("policy", "recipes"), POLICIES)
def test_the_generator_alone_decides(policy: Augmentation, recipes: Any) -> None:
    before = torch.get_rng_state()
    first, same, other = (policy(images(), generator(seed)) for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), before)
    for one, two, three in zip(first, same, other, strict=True):
        assert torch.equal(one.value, two.value)
        assert not torch.equal(one.value, three.value)


def test_the_two_views_differ() -> None:
    first, second = TwoViews()(images(), generator())
    assert not torch.equal(first.value, second.value)
    assert not torch.equal(first.meta["crop"], second.meta["crop"])


def test_meta_names_what_each_policy_does() -> None:
    assert TwoViews().meta == ALWAYS | COLOUR | {"blur_sigma"}
    assert TwoViews(BYOL).meta == ALWAYS | COLOUR | {"blur_sigma"}
    assert "solarise" in TwoViews(BYOL)(images(), generator())[1].meta
    assert Masked().meta == ALWAYS


@pytest.mark.parametrize("recipe", [EVERYTHING, replace(EVERYTHING, colour="fused")])
@pytest.mark.parametrize("size", [24, 32, 100])
def test_a_batch_equals_its_images_one_by_one(recipe: Recipe, size: int) -> None:
    recipe, source = replace(recipe, size=size), images(6)
    record = draw(recipe, source, generator())
    together = render(recipe, source, record)
    for row in range(6):
        part = slice(row, row + 1)
        alone = render(recipe, source[part], select(record, part))
        torch.testing.assert_close(alone, together[part], atol=2e-5, rtol=0)


@pytest.mark.parametrize("size", [24, 40, 224])
def test_a_view_is_what_torchvision_makes_of_the_record(size: int) -> None:
    recipe, source = replace(EVERYTHING, size=size), images(10 if size < 100 else 3)
    record = draw(recipe, source, generator())
    views = render(recipe, source, record)
    for row in range(len(source)):
        expected = torchvision_view(recipe, source[row], record.meta(), row)
        # Where the CPU's uint8 kernel rounds to grey levels, both sides round alike.
        torch.testing.assert_close(views[row], expected, atol=5e-5, rtol=0)


def torchvision_view(recipe: Recipe, image: Any, meta: dict[str, Tensor], row: int) -> Any:
    assert recipe.size is not None
    assert recipe.mean is not None
    assert recipe.std is not None
    size = [recipe.size, recipe.size]
    if recipe.size == 40:  # small views that cannot shrink are cut in float
        image = image.float() / 255
    image = reference.resized_crop(image, *meta["crop"][row].tolist(), size=size)
    image = reference.to_dtype(image, torch.float32, scale=True)
    if meta["flip"][row]:
        image = reference.horizontal_flip(image)
    steps = ("brightness", "contrast", "saturation", "hue")
    for step in meta["order"][row].tolist() if meta["jitter"][row] else []:
        adjust = getattr(reference, f"adjust_{steps[step]}")
        image = adjust(image, meta[steps[step]][row].item())
    if meta["grayscale"][row]:
        image = reference.rgb_to_grayscale(image, 3)
    if sigma := meta["blur_sigma"][row].item():
        kernel = 2 * default_radius(recipe.size, recipe.size, recipe.blur_sigma[1]) + 1
        image = reference.gaussian_blur(image, [kernel, kernel], [sigma, sigma])
    if meta["solarise"][row]:
        image = reference.solarize(image, 0.5)
    return reference.normalize(image, list(recipe.mean), list(recipe.std))


@pytest.mark.parametrize("colour", ["exact", "fused"])
@pytest.mark.parametrize(("size", "most", "mean"), [(32, 1e-4, 1e-5), (100, 0.2, 0.01)])
def test_the_path_without_host_reads_gives_the_same_pixels(
    colour: Any, size: int, most: float, mean: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 100 the CPU's kernel rounds to whole grey levels, the other path does not."""
    recipe = replace(EVERYTHING, size=size, colour=colour, solarise_probability=0.0)
    source = images(12)
    record = draw(recipe, source, generator(1))
    here = render(recipe, source, record)
    monkeypatch.setattr(host, "reads_freely", lambda images: False)
    there = render(recipe, source, record)
    error = (there - here).abs()
    assert error.max() < most
    assert error.mean() < mean


class NoCopies(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Fails on a copy between host and device; fake tensors themselves fail on reads of values."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor) and args and isinstance(args[0], Tensor):
            wrapped = args[0].dim() == 0 and args[0].device.type == "cpu"
            assert wrapped or args[0].device.type == result.device.type, func
        return result


@pytest.mark.parametrize("colour", ["exact", "fused"])
@pytest.mark.parametrize("size", [32, 100, 20])
def test_nothing_on_an_accelerator_makes_the_host_wait(colour: Any, size: int) -> None:
    """Shapes and devices are simulated: no accelerator is needed to see a forced read."""
    recipe = replace(EVERYTHING, size=size, colour=colour)
    with FakeTensorMode(), NoCopies():  # type: ignore[no-untyped-call]
        draw(recipe, torch.zeros(8, 3, 32, 32, dtype=torch.uint8), torch.Generator())
    record = draw(recipe, images(8), generator())
    with FakeTensorMode():
        meta = {
            name: torch.empty(value.shape, dtype=value.dtype, device="cuda")
            for name, value in record.meta().items()
        }
        source = torch.empty(8, 3, 32, 32, dtype=torch.uint8, device="cuda")
        with NoCopies():  # type: ignore[no-untyped-call]
            views = render(recipe, source, Record.from_meta(meta))
    assert views.device.type == "cuda"
    assert views.shape == (8, 3, size, size)


def test_an_image_does_not_see_the_others_of_its_batch() -> None:
    source, other = images(), images()
    other[1:] = 255 - other[1:]
    for policy in (TwoViews(BYOL), TwoViews(replace(BYOL, colour="fused"))):
        mine, theirs = policy(source, generator()), policy(other, generator())
        for one, two in zip(mine, theirs, strict=True):
            torch.testing.assert_close(one.value[0], two.value[0])


def test_the_input_is_left_as_it_was() -> None:
    for size in (16, 32, 100):
        source, before = images(), images()
        TwoViews(replace(BYOL, size=size))(source, generator())
        assert torch.equal(source, before)


def test_autocast_does_not_touch_pixels() -> None:
    policy = TwoViews(TwoViewsConfig(colour="fused"))
    plain = policy(images(), generator())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = policy(images(), generator())
    for one, two in zip(plain, cast, strict=True):
        assert torch.equal(one.value, two.value)


def test_view_sizes() -> None:
    source = images(2, 3, 40, 56)
    assert [tuple(view.value.shape[2:]) for view in TwoViews()(source, generator())] == [
        (40, 56),
        (40, 56),
    ]
    config = MultiCropConfig(local_count=2)
    shapes = [tuple(view.value.shape[2:]) for view in MultiCrop(config)(source, generator())]
    assert shapes == [(40, 56), (40, 56), (20, 20), (20, 20)]
    config = MultiCropConfig(local_count=2, size=48, local_size=16)
    shapes = [tuple(view.value.shape[2:]) for view in MultiCrop(config)(source, generator())]
    assert shapes == [(48, 48), (48, 48), (16, 16), (16, 16)]
    (view,) = Masked(MaskedConfig(size=24))(source, generator())
    assert view.value.shape == (2, 3, 24, 24)


@pytest.mark.parametrize("colour", ["exact", "fused"])
@pytest.mark.parametrize("size", [20, 28, 100])
def test_one_channel_goes_through_every_policy(colour: Any, size: int) -> None:
    source = images(3, 1, 28, 28)
    one: Any = {"mean": (0.5,), "std": (0.25,), "size": size}
    for policy in (
        TwoViews(replace(BYOL, colour=colour, **one)),
        MultiCrop(replace(MultiCropConfig(local_count=1), colour=colour, **one)),
        Masked(replace(MaskedConfig(), **one)),
    ):
        for view in policy(source, generator()):
            assert view.value.shape[1] == 1
            assert view.value.isfinite().all()


def test_local_boxes_are_smaller_than_global_ones() -> None:
    views = MultiCrop(MultiCropConfig(local_count=2))(images(32, 3, 64, 64), generator())
    area = {
        role: max((view.meta["crop"][:, 2] * view.meta["crop"][:, 3]).max() for view in chosen)
        for role in ("global", "local")
        if (chosen := [view for view in views if view.role == role])
    }
    assert area["local"] <= 0.42 * 64 * 64 < area["global"]


def test_without_mean_and_std_views_are_in_the_unit_range() -> None:
    for config in (
        TwoViewsConfig(mean=None, std=None),
        TwoViewsConfig(mean=None, std=None, colour="fused"),
    ):
        for view in TwoViews(config)(images(), generator()):
            assert view.value.min() >= 0
            assert view.value.max() <= 1 + 1e-6


@pytest.mark.parametrize(
    ("config", "settings", "message"),
    [
        (TwoViewsConfig, {"blur_probability": (0.5, 1.5)}, "blur_probability"),
        (TwoViewsConfig, {"hue": 0.4, "jitter_strength": 2.0}, "hue"),
        (TwoViewsConfig, {"scale": (0.5, 0.2)}, "scale"),
        (TwoViewsConfig, {"brightness": -0.1}, "brightness"),
        (TwoViewsConfig, {"mean": (0.5, 0.5, 0.5)}, "mean and std"),
        (TwoViewsConfig, NORMALISED | {"std": (1.0,)}, "channels"),
        (TwoViewsConfig, {"colour": "quick"}, "colour"),
        (TwoViewsConfig, {"size": 0}, "size"),
        (MultiCropConfig, {"local_count": 0}, "local_count"),
        (MultiCropConfig, {"local_scale": (0.0, 0.4)}, "local_scale"),
        (MultiCropConfig, {"solarise_probability": (0.0, 2.0)}, "solarise_probability"),
    ],
)
def test_impossible_settings_are_refused(config: Any, settings: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config(**settings)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (torch.zeros(2, 3, 8, 8), "uint8"),
        (torch.zeros(2, 4, 8, 8, dtype=torch.uint8), "1 or 3"),
        (torch.zeros(3, 8, 8, dtype=torch.uint8), "batch"),
        (torch.zeros(2, 1, 8, 8, dtype=torch.uint8), "channels"),
    ],
)
def test_images_that_do_not_fit_are_refused(source: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Masked(MaskedConfig(**NORMALISED))(source, generator())


def test_a_generator_on_another_device_is_refused() -> None:
    with pytest.raises(ValueError, match="generator must be on the images' device"):
        Masked()(torch.zeros(2, 3, 8, 8, dtype=torch.uint8, device="meta"), generator())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_cuda_views_and_records_stay_on_the_device() -> None:
    source = images().cuda()
    for view in TwoViews(BYOL)(source, torch.Generator("cuda").manual_seed(0)):
        assert view.value.is_cuda
        assert all(value.is_cuda for value in view.meta.values())
