"""What the LlamaFlow steps share: small, stable and pure. torch is imported inside functions only."""

from __future__ import annotations

import os

# Here, because it counts only before torch is loaded, whoever loads it: how long OpenMP's threads spin while they wait for each other.
# By default (300,000 rounds) they burn the time of whatever else runs on the cores; without any they go to sleep at each of a step's
# thousand products, which costs a quarter. SmolLM2-135M on two cores, both sharing each product, tokens/s alone and beside one busy
# process: 1,000 rounds 488 and 247; 2,000 503 and 222; 3,000 508 and 210; 5,000 518 and 182; 10,000 518 and 170; 50,000 511 and 78.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "2000")

# oneDNN and torch's layer above it keep what they prepared for each shape of a product, 1,024 of them, the latter for each thread: rows of
# ever new lengths make that 0.4 GB within 20 steps, and holes in between. A step meets about a hundred shapes; fewer kept cost nothing.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "256")
os.environ.setdefault("LRU_CACHE_CAPACITY", "32")
