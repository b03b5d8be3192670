from typing import Any

fingerprint_pb2: Any
saved_model_pb2: Any
