"""ModelServer's own configuration files: models, batching, monitoring."""

from __future__ import annotations

from serving.fleet.commented import to_text_proto
from serving.fleet.description import Batching, Fleet
from serving.fleet.messages import BatchingParameters, ModelServerConfig, MonitoringConfig

# Where things lie in a server's pod.
MODELS = "/models"
CONFIG = "/config"
MODEL_CONFIG, BATCHING, MONITORING, SOURCES = "models.config", "batching.config", "monitoring.config", "sources.yaml"
# The Secret as it is, and what the sync makes of it: ModelServer wants one file with the texts in it.
TLS, SSL_CONFIG = "/tls", "/ssl/ssl.config"
METRICS_PATH = "/monitoring/prometheus/metrics"

# The file that ModelServer looks for beside saved_model.pb, and where a pod's sync finds it.
BATCHING_OF_MODEL = "batching_params.pbtxt"


def batching_file(model: str) -> str:
    """Name of the file that the sync puts into each version of a model."""
    return f"{model}.{BATCHING_OF_MODEL}"


def model_config_file(fleet: Fleet) -> str:
    """Where a server finds its models: rendered, or as the sync writes it after the state file."""
    return f"{MODELS if fleet.storage.rollout else CONFIG}/{MODEL_CONFIG}"


def model_config(fleet: Fleet) -> str:
    """ModelServerConfig: names, folders, version policies and labels."""
    config = ModelServerConfig()
    for name, model in fleet.models.items():
        one = config.model_config_list.config.add(name=name, base_path=f"{MODELS}/{name}", model_platform="tensorflow")
        if model.versions.specific:
            one.model_version_policy.specific.versions.extend(sorted(model.versions.specific))
        else:
            one.model_version_policy.latest.num_versions = model.versions.latest
        for label, version in model.labels.items():
            one.version_labels[label] = version
    return to_text_proto(
        config,
        {
            "base_path": "A folder of this pod, which the sync fills: ModelServer has read no s3:// since 2.7, and a remote "
            "path would be polled by every server.",
            "model_version_policy": "latest: the newest so many are loaded, and what is pushed is served. specific: these, "
            "so that a push changes nothing until this file does.",
            "version_labels": "Callers name a label, not a number. A label moves only after its version is loaded everywhere.",
        },
        head="Which models and versions each server loads. Rendered by `zoo fleet render`; change the description, not this.",
    )


def threads_config(fleet: Fleet, gpu: bool = False) -> str:
    """BatchingParameters for all models together: the threads that they share, and nothing else."""
    config = BatchingParameters()
    config.num_batch_threads.value = fleet.server.batch_threads or (2 if gpu else fleet.server.cores)
    config.thread_pool_name.value = fleet.name
    return to_text_proto(
        config,
        {
            "num_batch_threads": "Batches computed at once, over all models. Many threads make each batch smaller and slower.",
            "thread_pool_name": "Appears as thread_pool_name in :tensorflow:serving:batching_session:queuing_latency.",
        },
        head="With --enable_per_model_batching_parameters only the threads are read from here; sizes and times stand with each "
        "model, and a model without a file of its own is not batched.",
    )


def model_batching(batching: Batching) -> str:
    """BatchingParameters of one model."""
    config = BatchingParameters(allowed_batch_sizes=batching.sizes, pad_variable_length_inputs=batching.inputs == "[R, N]")
    config.max_batch_size.value = batching.max_batch_size
    config.batch_timeout_micros.value = batching.timeout_us
    config.max_enqueued_batches.value = batching.max_enqueued_batches
    return to_text_proto(
        config,
        {
            "max_batch_size": "Requests, not candidates. A call with more is refused with INVALID_ARGUMENT: the client's "
            "max_batch must not be above it.",
            "batch_timeout_micros": "A lone caller pays all of it in every call.",
            "max_enqueued_batches": "A full queue answers UNAVAILABLE at once, which a client may try elsewhere.",
            "allowed_batch_sizes": "Batches are filled up to one of these, so that the graph sees few shapes. The last is "
            "max_batch_size, or the server does not start.",
            "pad_variable_length_inputs": "[R, N] requests of different widths are joined by padding with each tensor's first "
            "element; without it they fail with 'padding is turned off'. The models mask by lengths "
            "that travel with the request, and the client cuts the answer to its own width.",
        },
    )


def monitoring_config() -> str:
    """MonitoringConfig: without it ModelServer exports no metrics."""
    config = MonitoringConfig()
    config.prometheus_config.enable = True
    config.prometheus_config.path = METRICS_PATH
    return to_text_proto(config, {"path": "On the REST port; there is no port of its own."})
