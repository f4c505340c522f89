"""How soon an edit on the Build page is seen: python tests/benchmarks/edit_latency.py [edits]

50 blocks     <= 0.25 s
ResNet-50     <= 0.40 s   177 layers and the input

The real application and the system's Chromium. A field is changed in the inspector, then a block is moved by keyboard;
the clock starts with the key and stops in the frame after the canvas shows what came out. Printed are median and most.
It needs a quiet machine: a browser and a server take part. At realtime priority a browser starves everything else.
"""

from __future__ import annotations

import json
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
EDITS = 13
REST = 600
"""Milliseconds between two edits: nobody types a number faster."""

LIMITS = {"fifty": 0.25, "resnet50": 0.40}

WATCH = """
    const shadow = [...document.querySelectorAll('*')].find(e => e.shadowRoot?.querySelector('.canvas')).shadowRoot;
    const chosen = () => shadow.querySelector('.react-flow__node[aria-pressed="true"]');
    const until = (holds, began) => {
        const watch = new MutationObserver(() => {
            if (!holds()) return;
            watch.disconnect();
            requestAnimationFrame(() => seen(performance.now() - began));
        });
        watch.observe(shadow, {subtree: true, childList: true, characterData: true, attributes: true});
    };"""

FIELD = """value => new Promise(seen => {%s
    const roots = [...document.querySelectorAll('*')].map(e => e.shadowRoot).filter(Boolean);
    const inputs = roots.flatMap(root => [...root.querySelectorAll('input')]);
    const field = inputs.find(input => input.labels?.[0]?.textContent === 'Output channels');
    field.focus();
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(field, String(value));
    field.dispatchEvent(new Event('input', {bubbles: true}));
    until(() => chosen()?.querySelector('.shape')?.textContent.startsWith(`${value} ×`), performance.now());
    field.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', bubbles: true}));
})""".replace("%s", WATCH)

MOVE = """by => new Promise(seen => {%s
    const root = shadow.querySelector('.root'), rev = root.dataset.rev;
    chosen().focus();
    until(() => root.dataset.rev !== rev, performance.now());
    const key = {key: by < 0 ? 'ArrowUp' : 'ArrowDown', altKey: true, bubbles: true, composed: true};
    chosen().dispatchEvent(new KeyboardEvent('keydown', key));
})""".replace("%s", WATCH)


def convolution(channels: int, kernel: int, stride: int = 1, **more: Any) -> dict[str, Any]:
    said = {"type": "Convolution", "out_channels": channels, "kernel_size": kernel, "padding": kernel // 2}
    return said | ({"stride": stride} if stride > 1 else {}) | more


def fifty() -> dict[str, Any]:
    """Fifteen times convolution, normalisation and ReLU, and a head: 50 layers."""
    layers: list[dict[str, Any]] = []
    for channels in range(16, 31):
        layers += [convolution(channels, 3), {"type": "BatchNormalization"}, {"type": "ReLU"}]
    layers += [{"type": "MaxPooling"}, {"type": "Dropout"}, {"type": "Affine", "out_features": 10}]
    return document("fifty", [1, 8, 8], layers) | {"data": {"source": {"type": "builtin", "name": "digits"}}}


def resnet50() -> dict[str, Any]:
    """He et al. 2015, table 1, 50 layers, with the stride in the 3 × 3 convolution."""
    layers: list[dict[str, Any]] = [
        convolution(64, 7, 2), {"type": "BatchNormalization"}, {"type": "ReLU"},
        {"type": "MaxPooling", "kernel_size": 3, "stride": 2, "padding": 1, "name": "start"},
    ]  # fmt: skip
    last = "start"
    for stage, (channels, count) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), 1):
        for number in range(1, count + 1):
            name, stride = f"{stage}.{number}", 2 if number == 1 < stage else 1
            normal, active = {"type": "BatchNormalization"}, {"type": "ReLU"}
            layers += [convolution(channels, 1, inputs=[last]), normal, active]
            layers += [convolution(channels, 3, stride), normal, active, convolution(4 * channels, 1)]
            layers += [normal | {"name": f"{name}.main"}]
            if number == 1:
                skip = f"{name}.skip"
                layers += [convolution(4 * channels, 1, stride, inputs=[last]), normal | {"name": skip}]
            else:
                skip = last
            last = f"{name}.out"
            layers += [{"type": "Add", "inputs": [f"{name}.main", skip]}, active | {"name": last}]
    layers += [{"type": "GlobalAveragePooling"}, {"type": "Affine", "out_features": 1000}]
    return document("resnet50", [3, 224, 224], layers)


def document(name: str, shape: list[int], layers: list[dict[str, Any]]) -> dict[str, Any]:
    ends = [{"type": "Softmax"}, {"type": "CategoricalCrossEntropy"}]
    return {
        "format": 1,
        "name": name,
        "task": "classification",
        "model": {"input": shape, "layers": [*layers, *ends]},
    }


@contextmanager
def server(workspace: Path) -> Iterator[str]:
    """Run `tsumiki ui` and give its address."""
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        port = place.getsockname()[1]
    command = [sys.executable, "-m", "builder", "ui", str(workspace), "--port", str(port), "--no-open"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2).close()
                break
            except OSError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def settled(page: Any) -> None:
    page.wait_for_timeout(200)
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    page.wait_for_timeout(200)


def opened(page: Any, address: str, name: str) -> None:
    """Open a document of the workspace, and select its second convolution."""
    page.goto(address)
    page.locator(".st-key-build-open button").first.click(timeout=60_000)
    page.get_by_role("combobox", name="Document of the workspace").click()
    page.get_by_role("option", name=f"{name}.json").click()
    settled(page)
    page.locator(".st-key-build-open-file button").click()
    settled(page)
    page.locator('.react-flow__node[aria-label^="Convolution"]').nth(1).click()
    page.get_by_label("Output channels", exact=True).wait_for()
    settled(page)


def measured(page: Any, script: str, values: list[int]) -> list[float]:
    """Return the seconds that each edit took; the first one, which warms up, is left out."""
    taken = []
    for value in values:
        taken.append(page.evaluate(script, value) / 1000)
        page.wait_for_timeout(REST)
    return taken[1:]


def main() -> None:
    from playwright.sync_api import sync_playwright

    edits = int(sys.argv[1]) if len(sys.argv) > 1 else EDITS
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that browser and server end too
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        workspace = Path(folder)
        for made in (fifty(), resnet50()):
            (workspace / f"{made['name']}.json").write_text(json.dumps(made), encoding="utf-8")
        browser = play.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        with server(workspace) as address:
            for name, limit in LIMITS.items():
                page = browser.new_page(viewport={"width": 1400, "height": 1000})
                opened(page, address, name)
                kinds = (
                    ("a field is changed", measured(page, FIELD, list(range(65, 65 + edits)))),
                    ("a block is moved", measured(page, MOVE, [1, -1] * (edits // 2 + 1))),
                )
                for kind, taken in kinds:
                    middle, most = statistics.median(taken), max(taken)
                    verdict = "ok" if middle <= limit else "TOO SLOW"
                    print(
                        f"{name:<9} {kind:<19} median {middle:.3f} s  most {most:.3f} s  limit {limit:.2f} s  {verdict}"
                    )
                page.close()
        browser.close()


if __name__ == "__main__":
    main()
