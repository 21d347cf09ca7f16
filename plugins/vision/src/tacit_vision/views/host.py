"""Where views may look at values: one question, asked in one place."""

from __future__ import annotations

from torch import Tensor


def reads_freely(images: Tensor) -> bool:
    """Whether the host can read values without waiting: only in its own memory.

    On the CPU work is then done on the drawn images alone. Elsewhere everything is done to all
    images, with parameters that keep where nothing was drawn, as a look at the draws would stop
    the stream of kernels.
    """
    return images.device.type == "cpu"
