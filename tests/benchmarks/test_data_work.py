"""The table of samples that the readers of several projects are measured on."""

from __future__ import annotations

import pyarrow.parquet as pq

from benchmarks.data_work import samples
from benchmarks.peers.table import HISTORY, SEPARATOR, write_samples
from zoo.data.request_log import SPLITS, RequestLog


def test_every_row_of_the_samples_is_a_request_with_its_history(tmp_path):
    write_samples(tmp_path / "samples.parquet", 1_000)
    table = pq.read_table(tmp_path / "samples.parquet")
    assert samples(1_000, tmp_path) == {"count": 1_000}
    log = RequestLog(tmp_path / "log")
    requests = [request for split in SPLITS for request in log.requests(split)]
    assert [request.candidates["item"] for request in requests] == [[item] for item in table["item"].to_pylist()]
    past = [text.split(SEPARATOR) for text in table["hist_category"].to_pylist()]
    assert [request.sequences["history"]["category"] for request in requests] == past
    assert max(map(len, past)) == HISTORY
    assert all(log.manifest["splits"][split]["requests"] for split in SPLITS) and log.manifest["rejected"] == {}
