"""Reasons stand above what they are about, and change nothing of it."""

from __future__ import annotations

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.fleet.commented import Why, plain, to_yaml

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=30)
    | st.sampled_from(
        [
            "yes",
            "1",
            "a: b",
            "# no",
            "- x",
            "é\n\tb\n",
            "a\n\n b\n\n",
            "  lead\nline",
            "\n",
            "{{x}}",
            "'\"",
            "1e3",
            "2020-01-01",
            "\x85",
        ]
    )
)
REASONS = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "Zs"]), min_size=1, max_size=200)


def with_reasons(values):
    return values | st.builds(Why, values, REASONS)


TREES = st.recursive(
    with_reasons(SCALARS),
    lambda inner: with_reasons(st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)),
    max_leaves=20,
)


@given(TREES)
@settings(max_examples=100, deadline=None)
def test_yaml_gives_the_values_back(tree):
    assert yaml.safe_load(to_yaml(tree)) == plain(tree)


def test_comments_stand_above_keys_and_items():
    text = to_yaml(
        {
            "spec": Why(
                {"args": [Why("--a=1", "because a"), {"name": Why("x", "because x"), "deep": [Why({"k": 1}, "because k")]}]},
                "because spec",
            )
        },
        [1],
    )
    assert text == (
        "# because spec\nspec:\n  args:\n    # because a\n    - --a=1\n    # because x\n    - name: x\n      deep:\n"
        "        # because k\n        - k: 1\n---\n- 1\n"
    )
