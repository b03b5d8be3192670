"""The SavedModel of a ranking model: five signatures over raw features, made from a plain `tf.Module`."""

from zoo.export.export import EXTRA_ASSETS, export_model
from zoo.export.inputs import Transform, candidate_specs, request_specs
from zoo.export.servable import ServableRanker, flatten

__all__ = ["EXTRA_ASSETS", "ServableRanker", "Transform", "candidate_specs", "export_model", "flatten", "request_specs"]
