"""Files that travel with a model."""

from __future__ import annotations

import pytest

from zoo.assets import Assets
from zoo.config import ConfigError


def written(folder, **files):
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_bytes(text.encode())
    return folder


def test_a_vocabulary_has_an_id_a_line_whatever_else_the_id_holds(tmp_path):
    # Python takes a vertical tab, a carriage return and U+2028 for ends of lines, too.
    ids = ["i7", "two words", " [b]", "a\x0bb", "a\rb", "\u2028", "Ä"]
    folder = written(tmp_path, vocabulary_item="\n".join(ids) + "\n", vocabulary_user="")
    assets = Assets.from_folder(folder)
    assert assets.vocabulary("item") == ids and assets.vocabulary("user") == []


def test_assets_are_copied_and_found_again_with_their_endings(tmp_path):
    source = written(tmp_path / "source", vocabulary_item="a\n")
    (source / "vectors.v2.parquet").write_bytes(b"\x00\xff")
    (source / ".hidden").write_text("x")
    assets = Assets.from_folder(source)
    assert dict(assets) == {"vectors": f"{source}/vectors.v2.parquet", "vocabulary_item": f"{source}/vocabulary_item"}
    for target in (tmp_path / "deep" / "copy", source):
        copies = assets.copy_to(target)
        assert copies == Assets.from_folder(target) and copies["vectors"] == f"{target}/vectors.v2.parquet"
        assert (target / "vectors.v2.parquet").read_bytes() == b"\x00\xff" and copies.vocabulary("item") == ["a"]


def test_later_files_take_the_place_of_earlier_ones(tmp_path):
    one, two = (written(tmp_path / name, words=name) / "words" for name in ("one", "two"))
    first = Assets({"words": one, "others": one})
    assert dict(first | {"words": two}) == {"words": str(two), "others": str(one)} and first["words"] == str(one)
    with pytest.raises(TypeError):
        first["words"] = two


def test_what_is_wrong_is_said(tmp_path):
    written(tmp_path, vocabulary_item="a\nb\na\n")
    assets = Assets.from_folder(tmp_path)
    with pytest.raises(ConfigError, match="no asset 'vocabulary_itm'; did you mean 'vocabulary_item'"):
        assets.vocabulary("itm")
    with pytest.raises(ConfigError, match="given none at all"):
        Assets().path("vectors")
    with pytest.raises(ConfigError, match="vocabulary_item: 1 lines repeat"):
        assets.vocabulary("item")
    with pytest.raises(ConfigError, match="asset 'vectors'.*absent.txt is not a file"):
        Assets({"vectors": tmp_path / "absent.txt"})
    with pytest.raises(ConfigError, match="is not a file"):
        Assets({"vectors": tmp_path})
    with pytest.raises(ConfigError, match="asset 'my vectors'.*letters, digits"):
        Assets({"my vectors": tmp_path / "vocabulary_item"})
    with pytest.raises(ConfigError, match="absent is not a folder"):
        Assets.from_folder(tmp_path / "absent")
    written(tmp_path, **{"vocabulary_item.txt": "a\n"})
    with pytest.raises(ConfigError, match="another file of the name 'vocabulary_item'"):
        Assets.from_folder(tmp_path)
