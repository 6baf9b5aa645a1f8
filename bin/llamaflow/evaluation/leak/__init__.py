"""The leak test: does a trained model recite its training data?"""

from .probes import Limits, Probes, plan_probes
from .public import read_public_values
from .rows import recited_records
from .suite import leak_suite, total
from .told import Answer

__all__ = ["Answer", "Limits", "Probes", "leak_suite", "plan_probes", "read_public_values", "recited_records", "total"]
