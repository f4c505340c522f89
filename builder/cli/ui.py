"""The verb `ui`: the builder in the browser."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from schemas.errors import UsageError

from .common import verb

MISSING = "The browser's pages need Streamlit: pip install 'tsumiki-nn[ui]'."


@verb
def ui(
    workspace: Annotated[
        Path, typer.Argument(help="Folder for documents, data and runs; nothing outside of it is touched.")
    ] = Path("."),
    port: Annotated[int, typer.Option(help="Port on this machine.", min=1, max=65535)] = 8501,
    address: Annotated[
        str, typer.Option(help="Address to listen at. Another than 127.0.0.1 lets others in, without a password.")
    ] = "127.0.0.1",
    open_browser: Annotated[bool, typer.Option("--open/--no-open", help="Open the browser.")] = True,
) -> None:
    """Open the builder in the browser: build, check, train and understand without code."""
    if importlib.util.find_spec("streamlit") is None:
        raise UsageError(MISSING)
    if not workspace.is_dir():
        raise UsageError(f"There is no folder {str(workspace)!r}. Paths start at the current folder, {os.getcwd()}.")
    serve = entry().with_name("serve.py")
    command = [sys.executable, str(serve), str(entry()), *options(port, address, open_browser)]
    environment = {**os.environ, "TSUMIKI_WORKSPACE": str(workspace.resolve())}
    print(f"tsumiki: http://{address}:{port}   workspace {workspace.resolve()}   Ctrl-C ends it", flush=True)
    if os.name == "posix":
        # The server takes this process's place, so that every signal reaches it.
        os.execve(sys.executable, command, environment)
    raise typer.Exit(subprocess.run(command, env=environment, check=False).returncode)


def entry() -> Path:
    """Return the file that Streamlit runs."""
    return Path(__file__).parents[1] / "ui" / "entry" / "tsumiki_app.py"


def options(port: int, address: str, open_browser: bool) -> list[str]:
    """Return Streamlit's options: the application's own, and what was asked for."""
    settings = json.loads((Path(__file__).parents[1] / "ui" / "options.json").read_text(encoding="utf-8"))
    settings |= {"server.port": port, "server.address": address, "server.headless": not open_browser}
    if address not in ("127.0.0.1", "localhost"):
        settings["server.allowedHosts"] = [*settings["server.allowedHosts"], address]
    words = []
    for name, value in settings.items():
        for part in value if isinstance(value, list) else [value]:
            words += [f"--{name}", str(part).lower() if isinstance(part, bool) else str(part)]
    return words
