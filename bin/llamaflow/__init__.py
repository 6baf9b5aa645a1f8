"""What the LlamaFlow steps share: small, stable and pure. torch is imported inside functions only."""

from __future__ import annotations

import os

# Here, because it counts only before torch is loaded, whoever loads it: by default threads that wait for each other spin. Where
# anything else runs on the cores they burn the time that the others need: two threads beside one busy process trained three times
# slower (39 instead of 120 to 160 tokens/s).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
