"""The process of one training: `python -m builder.ui.worker FOLDER`, started by the registry, one folder per job.

job.json     {"action": "train" | "resume", "out", "run"?, "base"}      what to do, written before the process starts
document.json    the document to train                                   (paths start at `base`)
live.json    what the training is doing now, at most four times a second; never more than one screen of numbers
output.txt   what the process printed
lock         held while the process lives

It runs what `tsumiki train` and `tsumiki resume` run; it only tells its events to a file instead of a terminal.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from schemas.say import Said, message as told, say, written

INTERVAL = 0.5
"""Seconds between two writes of live.json; the page reads it once a second."""

TRAIL = 240
"""Points of the loss inside the epochs that are kept; beyond, every second one is dropped."""

MOST = 50
"""Findings and pieces of advice that are kept."""


def _whole(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return a finding or problem with what its texts were made of, so that the page can translate them."""
    return {**item, "said": {key: written(item[key]) for key in ("what", "why", "fix") if item.get(key)}}


class Live:
    """Listens to a training and keeps live.json up to date. A full disk costs the picture, never the training."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "live.json"
        self.state: dict[str, Any] = {"phase": "loading", "compiled": 0, "trail": [], "warnings": [], "advice": []}
        self._written = 0.0
        self._stride, self._seen = 1, 0
        self._samples_per_step = 0.0
        self._last: Mapping[str, Any] = {}
        self._clock: tuple[float, int] | None = None
        self.write()

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Take in one event of builder/training/events.py; unknown ones are left out."""
        take = getattr(self, "_" + str(event["event"]), None)
        if take is not None:
            take(event)

    def compiled(self, kernel: str, seconds: float) -> None:
        """Take in that a kernel had to be compiled, once on this machine."""
        self.state["compiled"] += 1
        self.state["phase"] = "compiling"
        self.write()

    def ended(self, code: int, message: str, problems: list[Any]) -> None:
        """Say how the process ended."""
        self.state |= {"phase": "ended", "exit_code": code, "message": str(message), "problems": problems}
        if isinstance(message, Said):
            self.state["said"] = written(message)
        if not self.write():
            self._squeeze()

    def _squeeze(self) -> None:
        """Write the end over what stands in live.json: on a full disk there is room for that and for nothing else."""
        kept: dict[str, Any] = {key: self.state[key] for key in ("phase", "exit_code", "run") if key in self.state}
        kept["message"] = self.state["message"][:1000]
        with suppress(OSError), self.path.open("r+b", buffering=0) as file:
            room = os.fstat(file.fileno()).st_size
            for more in ({"said": self.state.get("said")}, {}):
                text = json.dumps({**kept, **more}).encode()  # ASCII: no letter is cut in two
                if len(text) <= room:
                    file.write(text)
                    file.truncate()
                    return

    def write(self) -> bool:
        """Write live.json now: aside and renamed, so that a reader never meets half of it. Say whether it was."""
        self._written = time.monotonic()
        self.state["time"] = time.time()
        aside = self.path.with_name(".live.json.tmp")
        with suppress(OSError):
            aside.write_text(_written(self.state), encoding="utf-8")
            os.replace(aside, self.path)
            return True
        return False

    def _warning(self, event: Mapping[str, Any]) -> None:
        if len(self.state["warnings"]) < MOST:
            self.state["warnings"].append(_whole(event["finding"]))

    def _advice(self, event: Mapping[str, Any]) -> None:
        if len(self.state["advice"]) < MOST:
            self.state["advice"].append(event["advice"])
        self.write()

    def _start(self, event: Mapping[str, Any]) -> None:
        keys = ("run", "epochs", "batches", "samples", "epoch", "step", "resumed", "threads")
        self.state |= {key: event[key] for key in keys}
        self.state["phase"] = "compiling" if self.state["compiled"] else "training"
        self._samples_per_step = event["samples"] / max(event["batches"], 1)
        self.write()

    def _step(self, event: Mapping[str, Any]) -> None:
        now = time.monotonic()
        if self._clock is None:
            self._clock = (now, event["step"])
        self.state["phase"] = "training"  # validation may have compiled kernels of its own after the first steps
        self._seen += 1
        if self._seen % self._stride == 0:
            self._trail(event)
        self._last = event
        if now - self._written >= INTERVAL:
            self._now()

    def _now(self) -> None:
        """Write what the last step said, and how fast the steps go."""
        keys = (
            "epoch", "epochs", "batch", "batches", "step", "steps", "loss", "learning_rate", "seconds_left",
            "total_loss", "losses",
        )  # fmt: skip
        self.state |= {key: self._last[key] for key in keys if key in self._last}
        if self._clock is not None and self._last["step"] > self._clock[1]:
            now, step = time.monotonic(), self._last["step"]
            self.state["samples_per_second"] = (step - self._clock[1]) * self._samples_per_step / (now - self._clock[0])
            if now - self._clock[0] > 5:  # the speed of the last seconds: the machine may be busy now and free later
                self._clock = (now, step)
        self.write()

    def _trail(self, event: Mapping[str, Any]) -> None:
        trail = self.state["trail"]
        trail.append([event["epoch"] - 1 + event["batch"] / event["batches"], event["step_loss"]])
        if len(trail) > TRAIL:
            self.state["trail"] = trail[::2]
            self._stride *= 2

    def _epoch(self, event: Mapping[str, Any]) -> None:
        self.state["done"] = event["epoch"]
        if time.monotonic() - self._written >= INTERVAL or event["epoch"] == 1:
            self._now()

    def _end(self, event: Mapping[str, Any]) -> None:
        self.state["status"] = event["status"]


def _written(state: dict[str, Any]) -> str:
    """Write JSON. To look through all numbers takes as long as to write them, so that is done where one is wrong."""
    try:
        return json.dumps(state, ensure_ascii=False, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(state), ensure_ascii=False)


def _finite(value: Any) -> Any:
    """Make NaN and infinity None: JSON does not know them."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and (value != value or value in (float("inf"), -float("inf"))) else value


def work(folder: Path) -> int:
    """Do the job of a folder and return the exit code, which is that of the command's verbs."""
    from builder.training.lock import Lock
    from schemas.errors import TsumikiError

    with Lock(folder):
        live = Live(folder)
        problems: list[Any] = []
        try:
            _run(folder, live)
            code, message = 0, ""
        except TsumikiError as error:
            code, message = error.exit_code, told(error)
            problems = [_whole(problem.to_json()) for problem in getattr(error, "problems", ())]
        except MemoryError:
            code, message = 5, say("There is not enough memory. Make training.batch_size or the network smaller.")
        except Exception as error:
            import traceback

            traceback.print_exc()  # to output.txt, for a bug report; the page shows the message
            code, message = 1, f"{type(error).__name__}: {error}"
        live.ended(code, message, problems)
    return code


def _run(folder: Path, live: Live) -> None:
    import builder
    from builder.kernels.machine import listening

    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    with listening(live.compiled):
        if job["action"] == "resume":
            builder.resume(job["run"], progress=live)
        else:
            os.chdir(job["base"])  # a document given as a dict has its paths start at the current folder
            document = json.loads((folder / "document.json").read_text(encoding="utf-8"))
            builder.train(document, out=job["out"], progress=live)


def _give_way() -> None:
    """Ask the system to end this process first when memory runs out, before the server and the browser."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")


if __name__ == "__main__":
    _give_way()
    sys.exit(work(Path(sys.argv[1])))
