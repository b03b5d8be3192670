"""From public logs of interactions (who took what, without impressions) to request logs, by their published protocols."""

from zoo.data.interactions.config import LeaveOneOutConfig, RandomSplitConfig
from zoo.data.interactions.files import InteractionsError
from zoo.data.interactions.importer import import_interactions
from zoo.data.interactions.kinds import KINDS

__all__ = ["KINDS", "InteractionsError", "LeaveOneOutConfig", "RandomSplitConfig", "import_interactions"]
