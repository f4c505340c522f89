"""tsumiki for several people: everybody logs in and has a workspace and a quota of their own. See README.md here."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import streamlit as st

from builder.ui.app import main
from builder.ui.pages.common import plain
from builder.ui.service import shelf

HOMES = Path(os.environ["TSUMIKI_HOMES"])
"""Folder that holds one workspace per person."""

QUOTA = int(os.environ.get("TSUMIKI_QUOTA_MB", "2000")) * 2**20


def workspace() -> Path:
    """Return the folder of whoever is logged in: named by issuer and subject, which never change and say no name."""
    person = f"{st.user['iss']} {st.user['sub']}".encode()
    place = HOMES / hashlib.sha256(person).hexdigest()[:32]
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return place


@st.cache_data(ttl=30, show_spinner=False)
def used(place: str) -> int:
    """Return the bytes that a workspace takes."""
    return sum(path.lstat().st_size for path in Path(place).rglob("*") if path.is_file() and not path.is_symlink())


def make_room(place: Path) -> None:
    """Let a person who is over the quota delete runs for good; nothing else is offered until there is room."""
    st.error(f"This workspace takes {used(str(place)) / 2**20:,.0f} MB of {QUOTA / 2**20:,.0f} MB. Delete runs:")
    for entry in shelf(place).runs():
        if entry.state != "running" and st.button(plain(entry.label), key=entry.run, icon=":material/delete:"):
            shutil.rmtree(shelf(place).folder(entry.run))
            used.clear()
            st.rerun()
    if st.button("Empty the trash", icon=":material/delete_sweep:"):
        shutil.rmtree(shelf(place).trash, ignore_errors=True)
        used.clear()
        st.rerun()


if not st.user.is_logged_in:
    st.title("tsumiki")
    st.button("Log in", on_click=st.login, type="primary")
    st.stop()

home = workspace()
st.session_state["workspace"] = home
with st.sidebar:
    st.caption(plain(st.user.get("email") or st.user.get("name") or st.user["sub"]))
    st.caption(f"{used(str(home)) / 2**20:,.0f} of {QUOTA / 2**20:,.0f} MB")
    st.button("Log out", on_click=st.logout)
if used(str(home)) > QUOTA:
    make_room(home)
else:
    main()
