"""What every log with a catalogue must keep."""

from __future__ import annotations

from zoo.data.request_log import SPLITS, RequestLog


def assert_candidates_stand_in_the_catalogue(log: RequestLog) -> None:
    """Every candidate is in the catalogue as of its request, with the same values of the item."""
    catalogue = log.catalogue()
    names = [column.feature.name for column in log.schema.item_columns() if column.feature.role != "item"]
    seen = 0
    for split in SPLITS:
        for request in log.requests(split):
            for place, item in enumerate(request.candidates["item"]):
                row = catalogue.as_of(item, request.time)
                assert row is not None, f"{item} is a candidate of {request.request_id} and not in the catalogue at its time"
                # As text, so that a missing number is itself.
                assert repr(row.values) == repr({name: request.candidates[name][place] for name in names})
                seen += 1
    assert seen == sum(count["candidates"] for count in log.manifest["splits"].values()) > 0
