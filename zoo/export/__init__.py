"""The SavedModel of a ranking model: its signatures over raw features, made from a plain `tf.Module`."""

from zoo.export.add_items import AddedItems, add_items
from zoo.export.description import load_model
from zoo.export.export import export_model
from zoo.export.inputs import Transform, candidate_specs, request_specs
from zoo.export.items import item_tensors
from zoo.export.model_description import ModelDescription, Precision
from zoo.export.servable import ServableRanker
from zoo.export.servable_by_id import ServableById
from zoo.export.state import flatten

__all__ = ["AddedItems", "ModelDescription", "Precision", "ServableById", "ServableRanker", "Transform", "add_items",
           "candidate_specs", "export_model", "flatten", "item_tensors", "load_model", "request_specs"]
