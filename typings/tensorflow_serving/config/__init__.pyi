from typing import Any

model_server_config_pb2: Any
