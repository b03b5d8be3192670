"""From public logs of interactions (who took what, without impressions) to request logs, by their published protocols."""

from benchmarks.interactions.config import LeaveOneOutConfig, RandomSplitConfig
from benchmarks.interactions.files import InteractionsError
from benchmarks.interactions.importer import import_interactions
from benchmarks.interactions.kinds import KINDS

__all__ = ["KINDS", "InteractionsError", "LeaveOneOutConfig", "RandomSplitConfig", "import_interactions"]
