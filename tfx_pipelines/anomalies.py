"""What ExampleValidator found: TFX only writes it down, a run of ours stops there."""

from __future__ import annotations

from tensorflow_metadata.proto.v0 import anomalies_pb2

from zoo import files

MOST_SHOWN = 5
_FOLDER, _FILE = "Split-", "SchemaDiff.pb"


class AnomalyError(ValueError):
    """The request log does not fit its schema; the message names the split, the column and what is wrong."""


def check_anomalies(uri: str) -> None:
    """Raises if any split of the examples has anomalies.

    Args:
        uri: of the `ExampleAnomalies` artifact.

    Raises:
        AnomalyError: naming the first of them.
    """
    found = []
    for folder in files.glob(uri, f"{_FOLDER}*"):
        with files.open_file(files.join(folder, _FILE), "rb") as file:
            anomalies = anomalies_pb2.Anomalies.FromString(file.read())
        split = files.name(folder).removeprefix(_FOLDER)
        found += [f"{split}: column {name!r}: {info.description or info.short_description}"
                  for name, info in sorted(anomalies.anomaly_info.items())]
    if found:
        more = f" (and {len(found) - MOST_SHOWN} more)" if len(found) > MOST_SHOWN else ""
        raise AnomalyError("the request log does not fit its schema: " + "; ".join(found[:MOST_SHOWN]) + more
                           + ". Mend the log, or its schema.yaml, and run again")
