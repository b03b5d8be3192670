"""The SavedModel of a ranking model: five signatures over raw features, made from a plain `tf.Module`."""

from zoo.export.description import ModelDescription, load_model
from zoo.export.export import export_model
from zoo.export.inputs import Transform, candidate_specs, request_specs
from zoo.export.items import item_tensors
from zoo.export.servable import ServableRanker, flatten

__all__ = ["ModelDescription", "ServableRanker", "Transform", "candidate_specs", "export_model", "flatten",
           "item_tensors", "load_model", "request_specs"]
