"""What the typed fields send, read as what a browser may send."""

from __future__ import annotations

from typing import Any

import pytest

from builder.ui.typed import MOST, read

GOOD = {"seq": 5, "nonce": "n", "op": "typed", "texts": ["3"], "typing": "1"}


def test_a_message_is_heard_once_and_in_its_session() -> None:
    assert {"seq": 5, "op": "typed", "texts": ["3"], "typing": "1"} == read({"said": GOOD}, "n", 4, 1)
    assert read({"said": GOOD}, "n", 5, 1) is None, "heard before"
    assert read({"said": GOOD}, "other", 4, 1) is None, "of a session that is gone"
    back = {**GOOD, "texts": []}
    assert [] == (read({"said": back}, "n", 4, 2) or {})["texts"], "back to the default"
    assert "undo" == (read({"said": {"seq": 5, "nonce": "n", "op": "undo"}}, "n", 4, 1) or {})["op"]


@pytest.mark.parametrize(
    "more",
    [
        {"seq": True}, {"seq": "5"}, {"op": "fly"}, {"texts": ["3", "4"]}, {"texts": [3]}, {"texts": "3"},
        {"texts": ["3" * (MOST + 1)]}, {"typing": None}, {"typing": "1" * 41}, {"texts": None},
    ],
)  # fmt: skip
def test_what_is_no_message_is_none(more: dict[str, Any]) -> None:
    assert read({"said": {**GOOD, **more}}, "n", 4, 1) is None
    assert read(None, "n", 4, 1) is None and read({"said": [1]}, "n", 4, 1) is None
