import numpy as np
import pytest

from serving.encoding import decode_scores, encode_requests
from serving.errors import ServingError
from tests.toy import rich_requests, rich_schema, toy_requests, toy_schema
from zoo.data.request import Request

SCHEMA = toy_schema()


def request_of(events: int, candidates: int) -> Request:
    return toy_requests(1, history=events, candidates=candidates)[0]


def test_columns_have_wire_names_and_lengths_travel_beside_them():
    encoded = encode_requests(SCHEMA, [request_of(2, 3), request_of(0, 1)])
    shapes = {name: array.shape for name, array in encoded.inputs.items()}
    assert shapes == {
        "candidate_count": (2,), "user_id": (2,), "hour": (2,), "history_length": (2,), "history_item": (2, 2),
        "history_category": (2, 2), "history_gap": (2, 2), "candidate_item": (2, 3), "candidate_category": (2, 3),
        "candidate_price": (2, 3), "candidate_image": (2, 3, 3),
    }
    assert encoded.inputs["candidate_count"].tolist() == [3, 1]
    assert encoded.inputs["history_length"].tolist() == [2, 0]
    assert encoded.inputs["candidate_price"].dtype == np.float32
    assert encoded.inputs["candidate_item"][1].tolist()[1:] == [b"", b""]


def test_several_values_are_padded_to_the_longest_and_counted():
    schema, requests = rich_schema(), rich_requests(2, seed=1, history=2, candidates=2)
    encoded = encode_requests(schema, requests).inputs
    assert encoded["candidate_tags"].shape == encoded["candidate_tags_weight"].shape == (2, 2, 3)
    assert encoded["history_tags"].shape[:2] == encoded["history_tags_count"].shape == (2, 2)
    assert encoded["interests"].shape[0] == 2 and encoded["interests_count"].shape == (2,)
    for row, request in enumerate(requests):
        for place, several in enumerate(request.candidates["tags"]):
            count = encoded["candidate_tags_count"][row, place]
            assert count == min(len(several), 3)
            assert [tag.decode() for tag in encoded["candidate_tags"][row, place, :count]] == several[:3]
            assert encoded["candidate_tags"][row, place, count:].tolist() == [b""] * (3 - count)
            np.testing.assert_array_equal(encoded["candidate_tags_weight"][row, place, :count],
                                          np.float32(request.candidates["tags_weight"][place][:3]))
        assert [title.decode() for title in encoded["candidate_title"][row]] == request.candidates["title"]


def test_empty_histories_keep_one_step_of_padding():
    encoded = encode_requests(SCHEMA, [request_of(0, 2)])
    assert encoded.inputs["history_item"].shape == (1, 1)
    assert encoded.inputs["history_length"].tolist() == [0]


def test_a_longer_history_keeps_its_most_recent_events_and_is_counted():
    request = request_of(11, 2)
    encoded = encode_requests(SCHEMA, [request, request_of(8, 2)])
    assert encoded.inputs["history_length"].tolist() == [8, 8]
    assert [item.decode() for item in encoded.inputs["history_item"][0]] == request.sequences["history"]["item"][-8:]
    assert encoded.truncated == {"history": 1}


def test_decoding_cuts_each_answer_to_its_own_candidates():
    padded = {"click": np.array([[0.1, 0.2, 9.0, 9.0], [0.3, 0.4, 0.5, 9.0]])}
    first, second = decode_scores(padded, [2, 3])
    assert first["click"].tolist() == [0.1, 0.2]
    assert second["click"].tolist() == [0.3, 0.4, 0.5]


@pytest.mark.parametrize("shape", [(2,), (1, 3), (2, 2), (2, 3, 1)])
def test_scores_of_another_shape_are_refused(shape):
    with pytest.raises(ServingError, match=r"'click'.*expected \[2, at least 3\]"):
        decode_scores({"click": np.zeros(shape)}, [1, 3])
