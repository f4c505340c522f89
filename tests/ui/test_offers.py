"""What Streamlit's own serving of pictures answers for the components that ask by themselves."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.media_file_storage import MediaFileKind, MediaFileStorageError
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage

from builder.ui import offers


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch) -> MemoryMediaFileStorage:
    made = MemoryMediaFileStorage("/media")
    run(monkeypatch, MediaFileManager(made))
    return made


def run(monkeypatch: pytest.MonkeyPatch, manager: Any) -> None:
    monkeypatch.setattr("streamlit.runtime.exists", lambda: True)
    monkeypatch.setattr("streamlit.runtime.get_instance", lambda: SimpleNamespace(media_file_mgr=manager))


def ask(storage: MemoryMediaFileStorage, address: str | None) -> Any:
    assert address is not None and address.startswith("media/")
    found = storage.get_file(address.removeprefix("media/"))
    assert ("application/json", MediaFileKind.MEDIA) == (found.mimetype, found.kind)
    return json.loads(found.content)


def test_each_request_is_answered_with_what_there_is_then(storage: MemoryMediaFileStorage) -> None:
    state = {"loss": 1.0}
    address = offers.offer(lambda: state)
    assert {"loss": 1.0} == ask(storage, address)
    state["name"] = "画像"
    assert {"loss": 1.0, "name": "画像"} == ask(storage, address)


def test_addresses_cannot_be_guessed_and_are_each_their_own(storage: MemoryMediaFileStorage) -> None:
    one, other = offers.offer(lambda: {"n": 1}), offers.offer(lambda: {"n": 2})
    assert ({"n": 1}, {"n": 2}) == (ask(storage, one), ask(storage, other))
    assert one and len(one.removesuffix(".json").removeprefix("media/")) == 40
    for wrong in ("", ".json", "0" * 40 + ".json", "../queue.json"):
        with pytest.raises(MediaFileStorageError):
            storage.get_file(wrong)


def test_pictures_are_served_as_before(storage: MemoryMediaFileStorage) -> None:
    real = storage.get_file
    offers.offer(dict)
    offers.offer(dict)
    number = storage.load_and_get_id(b"picture", "image/png", MediaFileKind.MEDIA)
    assert b"picture" == storage.get_file(f"{number}.png").content == real(f"{number}.png").content
    assert storage.get_file.__wrapped__ == real, "taught once"  # type: ignore[attr-defined]  # by functools.wraps


def test_what_is_withdrawn_or_forgotten_is_gone(
    storage: MemoryMediaFileStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = offers.offer(dict), offers.offer(dict)
    offers.withdraw(first)
    assert (False, True) == (offers.living(first), offers.living(second))
    monkeypatch.setattr(offers, "KEPT", -1.0)
    third = offers.offer(dict)
    assert (False, True) == (offers.living(second), offers.living(third))
    with pytest.raises(MediaFileStorageError):
        ask(storage, second)
    offers.withdraw(None)
    assert not offers.living(None)


@pytest.mark.parametrize("look", [lambda: 1 / 0, lambda: {"loss": float("nan")}])
def test_a_look_that_fails_is_told_to_the_log_and_not_to_the_browser(
    storage: MemoryMediaFileStorage, caplog: pytest.LogCaptureFixture, look: Any
) -> None:
    assert {} == ask(storage, offers.offer(look))
    assert "could not be made" in caplog.text


def test_without_streamlit_or_with_another_storage_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert offers.offer(dict) is None
    for manager in (SimpleNamespace(), SimpleNamespace(_storage=object())):
        run(monkeypatch, manager)
        assert offers.offer(dict) is None and not offers.possible()
