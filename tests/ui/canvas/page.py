"""A Streamlit page with nothing but the canvas, for test_browser.py: `streamlit run page.py`, and
http://127.0.0.1:8501/?network=small for the network of that name.

Its document is a list of blocks, and its edits are enough for the tests; the product's are in builder/ui/state.
"""

from __future__ import annotations

import copy
import json
from typing import Any
from uuid import uuid4

import streamlit as st
from networks import CATEGORY, NETWORKS, Stack, block

from builder.ui.canvas import CanvasData, canvas, read, read_selected

st.set_page_config(layout="wide")
S = st.session_state
if "history" not in S:
    S.history, S.future, S.log = [NETWORKS[st.query_params["network"]]()], [], []
    S.ack, S.rev, S.nonce, S.count = 0, 0, uuid4().hex, 0


def index(stack: Stack, one: str | None) -> int:
    return next((i for i, node in enumerate(stack["nodes"]) if node["id"] == one), len(stack["nodes"]) - 1)


def reads(stack: Stack, place: int) -> None:
    """Let the block at a place read the one before it, as a new or moved block does."""
    nodes, edges = stack["nodes"], stack["edges"]
    if 0 < place < len(nodes):
        edges[:] = [edge for edge in edges if edge[1] != nodes[place]["id"]]
        edges.append([nodes[place - 1]["id"], nodes[place]["id"]])


def changed(stack: Stack, edit: dict[str, Any]) -> Stack:
    """Return the stack after one edit."""
    stack = copy.deepcopy(stack)
    nodes, edges = stack["nodes"], stack["edges"]
    ids = edit.get("ids", [])
    match edit["op"]:
        case "insert" | "append":
            S.count += 1
            place = index(stack, edit.get("after")) + 1
            nodes.insert(place, block(f"new{S.count}", edit["type"]))
            reads(stack, place)
            reads(stack, place + 1)
        case "delete" | "cut":
            for one in ids:
                sources = [a for a, b in edges if b == one]
                readers = [b for a, b in edges if a == one]
                edges[:] = [edge for edge in edges if one not in edge] + [[a, b] for b in readers for a in sources[:1]]
                nodes[:] = [node for node in nodes if node["id"] != one]
        case "move":
            for one in ids if edit.get("by", -1) < 0 else reversed(ids):
                place = index(stack, one)
                to = place + edit["by"] if "by" in edit else index(stack, edit["after"]) + (edit["after"] is not None)
                if not 0 < to <= len(nodes):
                    continue
                node = nodes.pop(place)
                nodes.insert(to - (to > place and "by" not in edit), node)
                for at in range(1, len(nodes)):
                    reads(stack, at)
        case "connect":
            edges.append([edit["source"], edit["target"]])
        case "disconnect":
            edges.remove([edit["source"], edit["target"]])
        case "duplicate":
            S.count += 1
            place = index(stack, ids[-1]) + 1
            nodes.insert(place, {**nodes[place - 1], "id": f"copy{S.count}"})
            reads(stack, place)
            reads(stack, place + 1)
        case "rename":
            nodes[index(stack, edit["id"])]["name"] = edit["name"] or "?"
    return stack


def on_edits() -> None:
    for edit in read(S["canvas"]["edits"], ack=S.ack, nonce=S.nonce):
        S.ack = edit["seq"]
        S.rev += 1
        S.log.append({key: value for key, value in edit.items() if key not in ("seq", "nonce")})
        if edit["op"] == "undo":
            if len(S.history) > 1:
                S.future.append(S.history.pop())
        elif edit["op"] == "redo":
            if S.future:
                S.history.append(S.future.pop())
        else:
            S.history.append(changed(S.history[-1], edit))
            S.future = []


@st.fragment
def editor() -> None:
    stack = S.history[-1]
    data: CanvasData = {
        "ack": S.ack,
        "rev": S.rev,
        "nonce": S.nonce,
        "nodes": stack["nodes"],
        "edges": stack["edges"],
        "palette": [{"type": t, "category": c, "help": f"What {t} does."} for t, c in CATEGORY.items()],
        "can": {"undo": len(S.history) > 1, "redo": bool(S.future), "paste": True},
    }
    result = canvas(data, key="canvas", height=720, on_edits=on_edits)
    said = {"log": S.log, "ids": [node["id"] for node in stack["nodes"]], "selected": read_selected(result.selected)}
    st.code(json.dumps(said))


if st.checkbox("show", value=True):
    editor()
st.button("rerun")
