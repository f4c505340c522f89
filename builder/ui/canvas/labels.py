"""Every text that the canvas shows, in English, by its key; a page passes the same keys in another language.

The browser's side has no text of its own: tests/ui/canvas compares the keys that it uses with these. `{name}` is a
place for a value.
"""

from __future__ import annotations

LABELS: dict[str, str] = {
    "network": "Network",
    "palette": "Layers to add",
    "palette.find": "Find a layer…",
    "palette.none": "No layer has this name.",
    "palette.add": "Add {type}: {help}",
    "palette.hint": "Drag a layer onto a line or the end. A click adds it after the selected block.",
    "toolbar": "Edit the network",
    "undo": "Undo",
    "redo": "Redo",
    "cut": "Cut",
    "copy": "Copy",
    "paste": "Paste",
    "duplicate": "Duplicate",
    "delete": "Delete",
    "rename": "Rename",
    "connect": "Connect to another block's input",
    "fold.unit": "Fold into a unit",
    "fold.repeat": "Fold into a repeat",
    "unfold": "Unfold",
    "zoom.in": "Zoom in",
    "zoom.out": "Zoom out",
    "fit": "Show the whole network",
    "map": "Overview",
    "help": "Keys",
    "close": "Close",
    "block": "{type} {name}, output {shape}, {badge}",
    "block.settings": "settings {settings}",
    "block.error": "error: {message}",
    "block.warning": "warning: {message}",
    "block.role": "block",
    "block.port": "Output of {name}: drag it to another block's input",
    "block.keys": "Arrow keys walk, Enter selects, Delete removes, question mark lists all keys.",
    "block.rename": "New name of {name}",
    "end": "Drop here to add at the end",
    "empty": "No blocks yet. Drag a layer here, or click one.",
    "status": "{blocks} blocks, {errors} with errors, {selected} selected",
    "status.connect": "Choose the block that shall read {name}. Enter connects or disconnects, Escape ends.",
    "status.nowhere": "Nothing was moved: let go on a line or at the end.",
    "status.edge": "The connection from {source} to {target} is selected. Delete removes it.",
    "keys.walk": "Walk from block to block",
    "keys.extend": "Select several (with the mouse: Shift and drag, or Ctrl and click)",
    "keys.all": "Select all",
    "keys.move": "Move the selected blocks",
    "keys.find": "Find a layer to add",
    "keys.leave": "Give up, select nothing",
    "keys.first": "First and last block",
}
"""Key -> English text."""
