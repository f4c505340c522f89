"""JSON Patch and JSON pointers: RFC 6901's and RFC 6902's own examples, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from schemas.errors import DocumentError
from schemas.patch import PatchError, apply, join, resolve, same, split

# RFC 6901, section 5
RFC6901 = {"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, 'k"l': 6, " ": 7, "m~n": 8}
POINTERS = [
    ("", RFC6901), ("/foo", ["bar", "baz"]), ("/foo/0", "bar"), ("/", 0), ("/a~1b", 1), ("/c%d", 2), ("/e^f", 3),
    ("/g|h", 4), ("/i\\j", 5), ('/k"l', 6), ("/ ", 7), ("/m~0n", 8),
]  # fmt: skip


@pytest.mark.parametrize(("pointer", "value"), POINTERS)
def test_the_rfc_pointers(pointer: str, value: Any) -> None:
    assert resolve(RFC6901, pointer) == value


@given(st.lists(st.text()))
def test_steps_survive_a_pointer(steps: list[str]) -> None:
    assert split(join("", *steps)) == steps


# RFC 6902, appendix A: document, patch, result
PATCHES = [
    ({"foo": "bar"}, [{"op": "add", "path": "/baz", "value": "qux"}], {"baz": "qux", "foo": "bar"}),
    ({"foo": ["bar", "baz"]}, [{"op": "add", "path": "/foo/1", "value": "q"}], {"foo": ["bar", "q", "baz"]}),
    ({"baz": "qux", "foo": "bar"}, [{"op": "remove", "path": "/baz"}], {"foo": "bar"}),
    ({"foo": ["bar", "qux", "baz"]}, [{"op": "remove", "path": "/foo/1"}], {"foo": ["bar", "baz"]}),
    ({"baz": "qux", "foo": "b"}, [{"op": "replace", "path": "/baz", "value": "boo"}], {"baz": "boo", "foo": "b"}),
    ({"baz": "qux"}, [{"op": "test", "path": "/baz", "value": "qux"}], {"baz": "qux"}),
    ({"foo": "bar"}, [{"op": "add", "path": "/c", "value": {"g": {}}}], {"foo": "bar", "c": {"g": {}}}),
    ({"foo": "bar"}, [{"op": "add", "path": "/baz", "value": "qux", "xyz": 1}], {"foo": "bar", "baz": "qux"}),
    ({"/": 9, "~1": 10}, [{"op": "test", "path": "/~01", "value": 10}], {"/": 9, "~1": 10}),
    ({"foo": ["bar"]}, [{"op": "add", "path": "/foo/-", "value": ["abc"]}], {"foo": ["bar", ["abc"]]}),
    ({"foo": 1}, [{"op": "add", "path": "/foo", "value": None}], {"foo": None}),
    ({"foo": 1}, [{"op": "replace", "path": "", "value": {"bar": 2}}], {"bar": 2}),
    ({"": 1}, [{"op": "remove", "path": "/"}], {}),
    ({"a": 1}, [], {"a": 1}),
    ({"a": 1.0}, [{"op": "test", "path": "/a", "value": 1}], {"a": 1.0}),
    ({"a": [1]}, [{"op": "remove", "path": "/a/0"}, {"op": "add", "path": "/a/0", "value": 2}], {"a": [2]}),
]


@pytest.mark.parametrize(("document", "patch", "result"), PATCHES)
def test_patches(document: Any, patch: list[dict[str, Any]], result: Any) -> None:
    assert apply(document, patch) == result


REFUSED = [
    ({"baz": "qux"}, [{"op": "test", "path": "/baz", "value": "bar"}]),
    ({"foo": "bar"}, [{"op": "add", "path": "/baz/bat", "value": "qux"}]),
    ({"~1": 10}, [{"op": "test", "path": "/~01", "value": "10"}]),
    ({"a": 1}, [{"op": "test", "path": "/a", "value": True}]),
    ({"a": [1]}, [{"op": "add", "path": "/a/2", "value": 1}]),
    ({"a": [1]}, [{"op": "replace", "path": "/a/1", "value": 1}]),
    ({"a": [1]}, [{"op": "replace", "path": "/a/-", "value": 1}]),
    ({"a": [1]}, [{"op": "remove", "path": "/a/00"}]),
    ({"a": [1]}, [{"op": "remove", "path": "/a/-1"}]),
    ({"a": [1]}, [{"op": "remove", "path": "/a/١"}]),
    ({"a": [1]}, [{"op": "remove", "path": "/a/" + "9" * 5000}]),
    ({"a": 1}, [{"op": "remove", "path": "/b"}]),
    ({"a": 1}, [{"op": "replace", "path": "/b", "value": 1}]),
    ({"a": 1}, [{"op": "remove", "path": ""}]),
    ({"a": 1}, [{"op": "remove", "path": "a"}]),
    ({"a": 1}, [{"op": "remove", "path": "/~2"}]),
    ({"a": 1}, [{"op": "remove", "path": 1}]),
    ({"a": 1}, [{"op": "move", "from": "/a", "path": "/b"}]),
    ({"a": 1}, [{"op": "add", "path": "/b"}]),
    ({"a": 1}, [{}]),
    ({"a": "text"}, [{"op": "add", "path": "/a/0", "value": 1}]),
]


@pytest.mark.parametrize(("document", "patch"), REFUSED)
def test_what_does_not_fit_is_refused(document: Any, patch: list[dict[str, Any]]) -> None:
    with pytest.raises(PatchError) as caught:
        apply(document, patch)
    assert isinstance(caught.value, DocumentError)
    assert len(str(caught.value)) < 500


def test_neither_document_nor_patch_changes() -> None:
    document, value = {"a": [{"b": 1}]}, {"c": []}
    patched = apply(
        document, [{"op": "add", "path": "/a/0", "value": value}, {"op": "add", "path": "/a/0/c/-", "value": 1}]
    )
    assert (document, value) == ({"a": [{"b": 1}]}, {"c": []})
    assert patched == {"a": [{"c": [1]}, {"b": 1}]}


def test_equality_is_jsons() -> None:
    assert same({"a": [1, {"b": 2.0}]}, {"a": [1.0, {"b": 2}]})
    assert not same([1], [True]) and not same({"a": 1}, {"b": 1}) and not same([1], [1, 2]) and not same({}, [])
