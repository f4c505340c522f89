"""One open document: its state, its check, its file in the workspace, and the draft that survives a crash.

    WORKSPACE/<any>.json                 documents, as the command line reads and writes them
    WORKSPACE/.tsumiki/drafts/<id>.json  what was being edited, written after every change

Nothing here needs Streamlit, but `store()`, which returns the session's.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from builder.check import check, glance
from builder.checks.report import Report
from builder.data.facts import DataFacts
from builder.fixes import SOON
from builder.ui.confine import strays
from schemas.errors import TsumikiError, UsageError
from schemas.reader import read_file, read_text
from schemas.say import about, reason, say

from .actions import Action, Open, Saved
from .reduce import reduce
from .state import State, opened

PLACE = ".tsumiki"
DRAFTS = "drafts"
SUFFIX = ".json"
MOST_DRAFTS = 50
MOST_FILES = 1000

EMPTY: dict[str, Any] = {"format": 1, "name": "network", "model": {"layers": []}}
"""What a new document says."""


class Conflict(UsageError):
    """The file was changed by someone else since it was opened here."""


@dataclass(frozen=True)
class Draft:
    """A document that was being edited: where, when (seconds since 1970), and its text."""

    id: str
    name: str
    path: str | None
    time: float
    text: str


class Store:
    """The document of one browser session. Several threads may use it: Streamlit reruns while an edit comes in."""

    def __init__(self, workspace: Path, draft: str | None = None, document: Mapping[str, Any] | None = None) -> None:
        self.workspace = workspace.resolve()
        self.id = draft if draft is not None and re.fullmatch(r"[0-9a-f]{16}", draft) else secrets.token_hex(8)
        self.state: State = opened(document if document is not None else EMPTY)
        self.failure: str | None = None
        """Why the draft could not be written, None where it was."""
        self._lock = threading.RLock()
        self._read: dict[str, str] = {}
        self._glance: tuple[int, Report] | None = None
        self._thorough = -1
        self._looked = ""
        self._restore()

    # --- looking ---

    @property
    def document(self) -> dict[str, Any]:
        return self.state.document

    @property
    def text(self) -> str:
        """The document as `tsumiki` writes it."""
        return self.state.text

    @property
    def base(self) -> Path:
        """The folder that the document's paths start from: its own."""
        return (self.workspace / self.state.path).parent if self.state.path else self.workspace

    @property
    def glance(self) -> Report:
        """The check of the present document without its fixes, for what must be seen at once: shapes, costs, problems.

        The data are looked at again when what names them changes.
        """
        with self._lock:
            rev, state = self.state.rev, self.state
            if self._glance is None or self._glance[0] != rev:
                old = self._glance[1] if self._glance is not None else None
                facts = None
                if old is not None and old.facts is not None and self._looked == self._data(state):
                    facts = old.facts
                self._glance = rev, self._checked(state.document, facts)
                self._looked = self._data(state)
            return self._glance[1]

    @property
    def report(self) -> Report:
        """The whole check of the present document: memory planned, and as many fixes tried as nobody waits for."""
        with self._lock:
            quick = self.glance.settled(SOON)
            return quick.settled() if self._thorough == self.state.rev else quick

    def try_all(self) -> None:
        """Let the report of the present document have every fix."""
        self._thorough = self.state.rev

    def _checked(self, document: dict[str, Any], facts: DataFacts | None) -> Report:
        """Check a document; nothing outside of the workspace is looked at."""
        outside = strays(document, self.base, self.workspace)
        if not outside:
            return glance(document, facts=facts, base=self.base)
        kept = {name: value for name, value in document.items() if name != "initialise"}
        report = check(kept, facts=DataFacts(), base=self.base)
        return replace(report, problems=(*outside, *report.problems), untried=False, _settle=None)

    def _data(self, state: State) -> str:
        document = state.document
        return json.dumps([document.get("data"), document.get("task"), state.path], sort_keys=True, default=repr)

    # --- changing ---

    def dispatch(self, action: Action | Mapping[str, Any]) -> State:
        """Apply an action, keep a draft of what came out, and return the state."""
        with self._lock:
            before = self.state
            self.state = reduce(before, action)
            if self.state.rev != before.rev:
                self._keep()
            return self.state

    def act(self, action: Action | Mapping[str, Any]) -> None:
        """Apply an action: what a button calls."""
        self.dispatch(action)

    # --- files ---

    def resolve(self, path: str) -> Path:
        """Return a document's file. Raises UsageError for a path that leads out of the workspace."""
        place = (self.workspace / (path if path.endswith(SUFFIX) else path + SUFFIX)).resolve()
        inside = place.is_relative_to(self.workspace) and not any(
            part.startswith(".") for part in place.relative_to(self.workspace).parts
        )
        if not inside:
            raise UsageError(
                say("{path!r:.200} lies outside of the workspace {workspace}.", path=path, workspace=self.workspace)
            )
        return place

    def files(self) -> list[str]:
        """Return the workspace's documents, as paths from it: JSON files that are no part of a run."""
        found = []
        for folder, folders, names in os.walk(self.workspace):
            folders[:] = sorted(
                n for n in folders if not n.startswith((".", "_")) and n not in ("runs", "node_modules")
            )
            if len(Path(folder).relative_to(self.workspace).parts) > 3:
                folders.clear()
            found += [
                (Path(folder) / name).relative_to(self.workspace).as_posix()
                for name in sorted(names)
                if name.endswith(SUFFIX) and not name.startswith(".")
            ]
            if len(found) >= MOST_FILES:
                break
        return [name for name in found[:MOST_FILES] if _is_document(self.workspace / name)]

    def open(self, path: str) -> State:
        """Open a document of the workspace. Raises UsageError or DocumentError where it cannot be read."""
        place = self.resolve(path)
        raw = read_file(place)
        name = place.relative_to(self.workspace).as_posix()
        self._read[name] = _digest(place)
        return self.dispatch(Open(text=json.dumps(raw), path=name))

    def upload(self, data: bytes) -> State:
        """Open what was uploaded. Raises DocumentError where it is no JSON object."""
        return self.dispatch(Open(text=json.dumps(read_text(data))))

    def save(self, path: str, *, overwrite: bool = False) -> State:
        """Write the document to a file of the workspace.

        Raises Conflict where another wrote the file since it was opened here, and TsumikiError where it cannot be
        written; then nothing is lost, the draft has it.
        """
        from builder.training.durable import replace as put

        place = self.resolve(path)
        name = place.relative_to(self.workspace).as_posix()
        with self._lock:
            if place.exists() and not overwrite and self._read.get(name) != _digest(place):
                raise Conflict(say("{name} has been changed by someone else since it was opened here.", name=name))
            try:
                place.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise UsageError(
                    say("{name} cannot be written: {strerror}.", name=name, strerror=reason(error))
                ) from error
            put([(place, [self.text.encode("utf-8")])])
            self._read[name] = _digest(place)
            self.state = reduce(self.state, Saved(path=name))
            self._keep()
            return self.state

    # --- drafts ---

    @property
    def _folder(self) -> Path:
        return self.workspace / PLACE / DRAFTS

    def _keep(self) -> None:
        """Write the draft. A full disk is told, never raised: the page still holds the document.

        A draft must survive a crash of the server, not of the machine, so it does not wait for the disk: fsync took up
        to 0.36 s here, more than an edit may take in all.
        """
        value = {"path": self.state.path, "changed": self.state.changed, "document": self.state.document}
        file = self._folder / f"{self.id}.json"
        new = file.with_suffix(".new")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            new.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
            os.replace(new, file)
            self.failure = None
        except OSError as error:
            self.failure = about(str(self._folder), reason(error))

    def _restore(self) -> None:
        """Take up the draft with this id, where there is one."""
        found = _draft(self._folder / f"{self.id}.json", unsaved=False)
        if found is None:
            return
        self.state = reduce(self.state, Open(text=found.text, path=found.path))
        self._tidy()
        if found.path is None:
            return
        saved = None
        with suppress(TsumikiError):  # where the file is gone or broken, the draft is what there is, and it is unsaved
            place = self.resolve(found.path)
            saved = opened(read_file(place)).tree
            self._read[found.path] = _digest(place)
        self.state = replace(self.state, saved=saved)

    def drafts(self) -> list[Draft]:
        """Return the drafts of other sessions that hold what no file has, the newest first."""
        try:
            paths = [path for path in self._folder.iterdir() if path.suffix == SUFFIX and path.stem != self.id]
        except OSError:
            return []
        found = [draft for path in paths if (draft := _draft(path)) is not None]
        return sorted(found, key=lambda draft: -draft.time)

    def recover(self, draft: str) -> State:
        """Open another session's draft; it can be undone."""
        found = next((one for one in self.drafts() if one.id == draft), None)
        if found is None:
            raise UsageError(say("This draft is gone."))
        return self.dispatch(Open(text=found.text, path=None))

    def forget(self, draft: str) -> None:
        """Throw another session's draft away."""
        if re.fullmatch(r"[0-9a-f]{16}", draft) and draft != self.id:
            (self._folder / f"{draft}.json").unlink(missing_ok=True)

    def _tidy(self) -> None:
        """Keep the newest drafts only."""
        for old in self.drafts()[MOST_DRAFTS:]:
            self.forget(old.id)


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def _is_document(path: Path) -> bool:
    """Tell whether a JSON file begins like a document, by its first bytes."""
    try:
        with path.open("rb") as file:
            start = file.read(4096)
    except OSError:
        return False
    return b'"model"' in start or b'"format"' in start


def _draft(path: Path, unsaved: bool = True) -> Draft | None:
    """Read a draft, by default one that holds something unsaved; None where there is none, or it is broken."""
    try:
        time = path.stat().st_mtime
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    document = value.get("document") if isinstance(value, dict) else None
    if not isinstance(document, dict) or (unsaved and not value.get("changed", True)):
        return None
    place = value.get("path")
    return Draft(
        path.stem, str(document.get("name", "")), place if isinstance(place, str) else None, time, json.dumps(document)
    )


def workspace_folder() -> Path:
    """Return the folder that `tsumiki ui` was given, else the current one."""
    return Path(os.environ.get("TSUMIKI_WORKSPACE") or ".").resolve()


_STORES: dict[tuple[Path, str], Store] = {}
_STORES_LOCK = threading.Lock()


def kept(workspace: Path, draft: str | None) -> Store:
    """Return the store of a draft: the one that this server still holds, with its undo, else one from the file."""
    with _STORES_LOCK:
        found = _STORES.get((workspace.resolve(), draft or ""))
        if found is None:
            found = Store(workspace, draft)
            while len(_STORES) >= MOST_DRAFTS:
                _STORES.pop(next(iter(_STORES)))
            _STORES[found.workspace, found.id] = found
        return found


def store() -> Store:
    """Return the session's store; a reload of the page finds its own again by the draft's id in the address."""
    import streamlit as st

    if "workspace" not in st.session_state:
        st.session_state["workspace"] = workspace_folder()
    if "store" not in st.session_state:
        st.session_state["store"] = kept(st.session_state["workspace"], st.query_params.get("draft"))
    found: Store = st.session_state["store"]
    return found
