from typing import Any

get_model_metadata_pb2: Any
get_model_status_pb2: Any
model_management_pb2: Any
model_pb2: Any
model_service_pb2_grpc: Any
predict_pb2: Any
prediction_log_pb2: Any
prediction_service_pb2_grpc: Any
