"""ModelServer's flags, answered by the local model server: what lies at /usr/bin/tensorflow_model_server in the proof's images.

A flag that the local server has no counterpart for is taken where its absence can't be seen by a client, and refused otherwise.
"""

import argparse
import os
import sys


def main() -> None:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in ("port", "rest_api_port", "model_config_file", "file_system_poll_wait_seconds"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("grpc_max_threads", "grpc_channel_arguments", "ssl_config_file", "monitoring_config_file"):
        parser.add_argument(f"--{name}", default="")
    # Warm-up, one try of a broken version, labels of versions to come: as the local server does it anyway. It takes as many
    # threads as it likes, and does not batch.
    for name in ("rest_api_num_threads", "tensorflow_intra_op_parallelism", "tensorflow_inter_op_parallelism",
                 "enable_model_warmup", "max_num_load_retries", "num_load_threads", "num_unload_threads",
                 "allow_version_labels_for_unavailable_models"):
        parser.add_argument(f"--{name}")
    given = parser.parse_args()
    words = ["zoo", "serve", "--address=0.0.0.0", f"--port={given.port}", f"--rest-port={given.rest_api_port}",
             f"--config={given.model_config_file}", f"--poll-seconds={given.file_system_poll_wait_seconds}"]
    for name, value in (("threads", given.grpc_max_threads), ("grpc-channel-arguments", given.grpc_channel_arguments),
                        ("ssl-config-file", given.ssl_config_file), ("monitoring-config-file", given.monitoring_config_file)):
        words += [f"--{name}={value}"] if value else []
    os.execvp("zoo", words)


if __name__ == "__main__":
    sys.exit(main())
