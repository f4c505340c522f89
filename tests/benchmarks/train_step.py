"""Our side of the peer benchmark: time the training step of a net, through the public API.

    python tests/benchmarks/train_step.py NET_JSON --threads 1 --seconds 3 [--infer]

NET_JSON is a net of the harness (blocks with NNC's names) or a document of ours. The last line printed is one JSON
object: step_ms_median, step_ms_min, first_step_s (since BENCH_T0, the process's start), peak_rss_mb; with --infer the
step is a prediction at the net's batch, and batch1_ms_* the same for one sample.
"""

from __future__ import annotations

import os
import time

T0 = float(os.environ.get("BENCH_T0", time.time()))

import argparse  # noqa: E402  # the clock starts before anything is imported
import json  # noqa: E402
import resource  # noqa: E402
import statistics  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import nets  # noqa: E402
import numpy as np  # noqa: E402

import builder  # noqa: E402
from schemas.training import Training  # noqa: E402


def timed(step: Callable[[], Any], seconds: float) -> list[float]:
    """Return the milliseconds of each call during the given seconds (3 calls at least), after a warm-up."""
    end, calls = time.perf_counter() + seconds / 4, 0
    while calls < 2 or time.perf_counter() < end:
        step()
        calls += 1
    times: list[float] = []
    while len(times) < 3 or sum(times) < 1000 * seconds:
        begin = time.perf_counter()
        step()
        times.append(1000 * (time.perf_counter() - begin))
    return times


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("net", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--infer", action="store_true")
    args = parser.parse_args()
    given = json.loads(args.net.read_text(encoding="utf-8"))
    document = nets.document(given) if "blocks" in given else given
    net = builder.compile(document, seed=0, threads=args.threads)
    training = Training.model_validate(document.get("training") or {})
    batch, random = training.batch_size, np.random.default_rng(0)
    x = random.standard_normal((batch, *net.input_shape), dtype=np.float32)
    t = random.integers(0, net.output_shape[0], batch)
    step: Callable[[], Any]
    if args.infer:

        def step() -> Any:
            return net.predict(x)
    else:
        session = net.session(batch, training.optimizer)

        def step() -> Any:
            return session.step(x, t, learning_rate=training.optimizer.learning_rate)

    first = step()
    line: dict[str, Any] = {"peer": "tsumiki", "net": document["name"], "batch": batch, "threads": args.threads}
    line["first_step_s"] = round(time.time() - T0, 3)
    times = timed(step, args.seconds)
    if args.infer:
        one = timed(lambda: net.predict(x[:1]), args.seconds / 2)
        line |= {"infer": True, "batch1_ms_median": statistics.median(one), "batch1_ms_min": min(one)}
    else:
        line |= {"loss_first": first, "loss_last": step()}
    line |= {"step_ms_median": statistics.median(times), "step_ms_min": min(times), "steps": len(times)}
    line["peak_rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({k: round(v, 4) if isinstance(v, float) else v for k, v in line.items()}), flush=True)


if __name__ == "__main__":
    main()
