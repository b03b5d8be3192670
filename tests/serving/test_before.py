"""A served model of before answers the client and the server of today with the scores of before."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import numpy as np
import pytest

from serving.client import RankingClient
from serving.model_dir import exported_model
from zoo.data.example import to_example
from zoo.data.request_json import request_from_json
from zoo.traits import Traits

FIXTURE = Path(__file__).parent / "fixtures" / "din_of_before"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("before")
    with tarfile.open(FIXTURE / "model.tar.xz") as archive:
        archive.extractall(folder / "din")
    return folder / "din"


@pytest.fixture(scope="module")
def answers(model):
    schema = exported_model(model).schema
    return [(request_from_json(schema, json.dumps(answer["request"])), answer["scores"])
            for answer in json.loads((FIXTURE / "answers.json").read_text(encoding="utf-8"))]


@pytest.fixture(scope="module")
def client(start, model, tmp_path_factory):
    with start({"din": model}, tmp_path_factory.mktemp("server")) as server:
        with RankingClient.of_model(server.target, "din", model, deadline_s=20.0) as client:
            yield client


@pytest.mark.slow
def test_its_scores_are_those_of_before(client, answers):
    assert client.traits == Traits() and len(answers) == 6
    for ranking, (_, expected) in zip(client.rank([request for request, _ in answers]), answers, strict=True):
        assert ranking.scores.keys() == expected.keys() == {"click"}
        np.testing.assert_allclose(ranking.scores["click"], expected["click"], atol=1e-6)


def test_its_examples_are_scored_as_before(client, answers):
    examples = [to_example(client.schema, request, labelled=False) for request, _ in answers]
    for row, (request, expected) in zip(client.score_examples(examples)["click"], answers, strict=True):
        np.testing.assert_allclose(row[:request.candidate_count], expected["click"], atol=1e-6)
