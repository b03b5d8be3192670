"""A model server for machines without TF Serving; it speaks TF Serving's protocol."""

from serving.server.model_server import LocalModelServer
from serving.server.model_spec import ModelSpec, VersionPolicy

__all__ = ["LocalModelServer", "ModelSpec", "VersionPolicy"]
