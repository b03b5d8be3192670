from typing import Any

saved_model_pb2: Any
