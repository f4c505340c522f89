"""Keeps the checkpoints of a run: takes them from the living objects, writes them, puts them back."""

from __future__ import annotations

import time

import numpy as np

from schemas.errors import DataError, DocumentError
from schemas.say import say

from . import checkpoint
from .checkpoint import Checkpoint
from .durable import replace, require
from .fault import Fault
from .job import Job
from .protocols import Network, Session
from .runfolder import RunFolder
from .state import State


class Keeper:
    """Writes and restores the checkpoints of one job in one folder."""

    def __init__(self, job: Job, session: Session, folder: RunFolder) -> None:
        self.job, self.session, self.folder = job, session, folder
        self._saved_at = time.monotonic()

    def due(self, state: State) -> bool:
        """Say whether a checkpoint is due between two epochs, by time or by steps."""
        training = self.job.training
        by_steps = training.checkpoint_steps is not None and state.step % training.checkpoint_steps == 0
        return by_steps or time.monotonic() - self._saved_at >= training.checkpoint_seconds

    def save(self, state: State, best: bool = False) -> None:
        """Write `last`, and `best` when this is the best epoch so far; after a failure the old ones are still there.

        Raises TrainingError when the disk is full, and Fault when weights are not finite: such a state is never kept.
        """
        last = self._take(state)
        files = last.encode(self.folder.last)
        needed = last.size()
        if best:
            kept = Checkpoint(last.parameters, state, last.origin)
            files = kept.encode(self.folder.best) + files  # best first: `last` never names a best that is not there
            needed += kept.size()
        require(self.folder.path, needed, say("the next checkpoint"))
        replace(files)
        self._saved_at = time.monotonic()

    def needed(self) -> int:
        """Return the bytes that a run needs: `last` and `best`, each a second time while it is replaced."""
        last = self._take(State())
        return 2 * last.size() + 2 * Checkpoint(last.parameters, State(), last.origin).size()

    def restore(self) -> State:
        """Put the last checkpoint back into network and session, and return its state.

        Raises DataError when it is damaged or the data changed, DocumentError when the document did.
        """
        saved = checkpoint.load(self.folder.last)
        path = self.folder.path
        if saved.session is None:
            raise DataError(say("{last} holds a network, but not the state of its training.", last=self.folder.last))
        if saved.origin.document_hash != self.job.origin.document_hash:
            raise DocumentError(
                say(
                    "{file} was changed since this run began, so its checkpoint does not belong to it. Undo the "
                    "change to resume, or start a new run with `tsumiki train`.",
                    file=path / "document.json",
                )
            )
        if saved.origin.fingerprint != self.job.origin.fingerprint:
            raise DataError(
                say(
                    "The data changed since {path} began: their fingerprint was {before} and is {now}. Restore the "
                    "data to resume, or start a new run with `tsumiki train`.",
                    path=path,
                    before=saved.origin.fingerprint[:12],
                    now=self.job.origin.fingerprint[:12],
                )
            )
        restore_parameters(self.job.network, saved)
        self.session.load_state(dict(saved.session))
        return saved.state

    def _take(self, state: State) -> Checkpoint:
        params = self.job.network.params
        parameters = {key: np.asarray(params[key]) for key in params}
        broken = [key for key, value in parameters.items() if not np.isfinite(value).all()]
        if broken:
            raise Fault(self.job.training, state, f"The weights {', '.join(broken[:3])} are not finite", broken[0])
        return Checkpoint(parameters, state, self.job.origin, self.session.state())


def restore_parameters(network: Network, saved: Checkpoint) -> None:
    """Put the parameters of a checkpoint into a network. Raises DataError when they are not that network's."""
    params = network.params
    if set(params) != set(saved.parameters):
        raise DataError(say("The checkpoint holds the parameters of another network."))
    for key, value in saved.parameters.items():
        params[key] = value
