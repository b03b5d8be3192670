"""The one file that a user writes: which models, how many servers, on what, under which traffic; a section a module."""

from serving.fleet.description.batching import Batching
from serving.fleet.description.fleet import Fleet, read_fleet
from serving.fleet.description.gpu import MOST_OF_GPU
from serving.fleet.description.image import pinned
from serving.fleet.description.kserve import object_name
from serving.fleet.description.model import Model
from serving.fleet.description.versions import Versions

__all__ = ["MOST_OF_GPU", "Batching", "Fleet", "Model", "Versions", "object_name", "pinned", "read_fleet"]
