"""Files of vectors by raw id."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from zoo.config import ConfigError
from zoo.data.vectors import read_vectors


def parquet(path, ids, vectors, kind=None):
    pq.write_table(pa.table({"id": ids, "vector": pa.array(vectors, kind or pa.list_(pa.float64()))}), path)
    return str(path)


@pytest.mark.parametrize("kind", [pa.list_(pa.float64()), pa.list_(pa.float32(), 2)])
def test_parquet(kind, tmp_path):
    ids, values = read_vectors(parquet(tmp_path / "v.parquet", ["a b", "ü"], [[1.5, 2], [3, -4]], kind))
    assert ids == ["a b", "ü"] and values.dtype == np.float32
    np.testing.assert_array_equal(values, [[1.5, 2], [3, -4]])


def test_numbers_as_ids_are_raw_ids_too(tmp_path):
    assert read_vectors(parquet(tmp_path / "v.parquet", [7, 12], [[1], [2]])).ids == ["7", "12"]


@pytest.mark.parametrize("text", ["a 1 2.5\n# -3e1 4\n", "2 2\na 1 2.5 \n# -3e1 4", "a 1 2.5\r\n\r\n# -3e1 4\r\n"])
def test_word2vec_text_with_and_without_its_first_line(text, tmp_path):
    (tmp_path / "v.txt").write_bytes(text.encode())
    ids, values = read_vectors(str(tmp_path / "v.txt"))
    assert ids == ["a", "#"]
    np.testing.assert_array_equal(values, [[1, 2.5], [-30, 4]])


def test_vectors_of_one_number_have_no_first_line(tmp_path):
    (tmp_path / "v.vec").write_text("5 1\n6 2\n")
    ids, values = read_vectors(str(tmp_path / "v.vec"))
    assert ids == ["5", "6"] and values.tolist() == [[1], [2]]


@pytest.mark.parametrize(("text", "message"), [
    ("", "no vector"),
    ("a 1 2\nb 1\n", "line 2: an id and 2 numbers were expected, as in line 1, and there are 1"),
    ("a 1 2\nb x 2\n", "divided by single spaces"),
    ("a 1 #2\n", "divided by single spaces"),
    ("a 1 2\nb 1 2\na 3 4\n", "the id 'a' stands there twice"),
    ("a 1 2\nb nan 2\n", "the vector of 'b' is not finite"),
])
def test_wrong_text(text, message, tmp_path):
    (tmp_path / "v.txt").write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_vectors(str(tmp_path / "v.txt"))


def test_wrong_parquet_and_other_files(tmp_path):
    with pytest.raises(ConfigError, match=r"one width, and there are \[1, 2\]"):
        read_vectors(parquet(tmp_path / "v.parquet", ["a", "b"], [[1], [2, 3]]))
    with pytest.raises(ConfigError, match="missing"):
        read_vectors(parquet(tmp_path / "v.parquet", ["a", None], [[1], [2]]))
    pq.write_table(pa.table({"item": ["a"]}), tmp_path / "v.parquet")
    with pytest.raises(ConfigError, match="needs the columns id and vector, and has item"):
        read_vectors(str(tmp_path / "v.parquet"))
    with pytest.raises(ConfigError, match="read from .parquet"):
        read_vectors("vectors.csv")
