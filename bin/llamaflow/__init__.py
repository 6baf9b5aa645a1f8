"""What the LlamaFlow steps share: small, stable and pure. torch is imported inside functions only."""

from __future__ import annotations

import os

# Here, because it counts only before torch is loaded, whoever loads it: how long OpenMP's threads spin while they wait for each other.
# By default (300,000 rounds) they burn the time of whatever else runs on the cores; without any they go to sleep at each of a step's
# thousand products. SmolLM2-135M on two cores, tokens/s alone and beside one busy process: 0 rounds 309 and 230; 1,000 422 and 206;
# 5,000 426 and 161; 20,000 408 and 97.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
