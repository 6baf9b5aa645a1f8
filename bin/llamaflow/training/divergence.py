"""When the loss explodes: how to tell, and how much to slow down."""

from __future__ import annotations

import math
from collections import deque

# After the one roll-back the learning rate is this share of the recipe's.
SLOWER = 0.25


class Watch:
    """Tells whether a training has diverged, from each step's loss and gradient norm.

    It has when a number is not finite, or when the last ``patience`` losses all lie far above where the untrained model began:
    one and a half times its loss and a nat more. A single bad batch never does.
    """

    def __init__(self, first_loss: float, patience: int = 3):
        self.limit = 1.5 * first_loss + 1
        self._last: deque[float] = deque(maxlen=patience)

    def diverged(self, loss: float, gradient_norm: float = 0.0) -> bool:
        """Take in a step, in nats a token; True when it should not have been."""
        self._last.append(loss)
        return not (math.isfinite(loss) and math.isfinite(gradient_norm)) or (
            len(self._last) == self._last.maxlen and min(self._last) > self.limit
        )  # fmt: skip

    def forget(self) -> None:
        """Start anew, after a roll-back."""
        self._last.clear()
