from typing import Any

tensor_pb2: Any
