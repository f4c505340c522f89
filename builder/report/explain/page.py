"""The page of a run: one HTML file with its pictures inside, no script, nothing loaded from anywhere.

Its sentences are made by `say`; within `speaking("de", translate)` they come out in that language.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from html import escape as _escape

from schemas.say import Said

STYLE = """
:root{color-scheme:light dark;--ink:#1c2430;--soft:#5b6675;--line:#dde2e8;--card:#fff;--ground:#f5f6f8;--accent:#2f6fb3}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--soft:#9aa5b4;--line:#333c48;--card:#1d232c;--ground:#14181e;
--accent:#7db4ea}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1160px;margin:0 auto;padding:32px 24px 64px}
h1{font-size:26px;margin:0 0 4px;overflow-wrap:anywhere}
h2{font-size:19px;margin:0 0 6px}h3{font-size:15px;margin:18px 0 6px}
p{margin:0 0 12px;max-width:76ch;color:var(--soft)}
section{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:20px 22px;margin-top:20px}
.row{display:flex;flex-wrap:wrap;gap:22px 26px;align-items:flex-start}
.line{flex-wrap:nowrap;overflow-x:auto;gap:12px;padding-bottom:12px}.line figure{flex:none;max-width:none}
figure{margin:0;max-width:100%}
figure.picture{display:table;min-width:130px}.picture figcaption{display:table-caption;caption-side:bottom}
figure img{display:block;max-width:100%;height:auto;image-rendering:pixelated;border-radius:3px}
figcaption{color:var(--soft);font-size:13px;margin-top:5px;max-width:64ch;overflow-wrap:anywhere}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:6px 14px 6px 0;vertical-align:middle;border-bottom:1px solid var(--line)}
th{color:var(--soft);font-weight:600;font-size:13px}
td.number,th.number{text-align:right}
.matrix td{border:1px solid var(--line);padding:3px 6px;text-align:right;font-size:12px}
.matrix{margin:2px 0}.sign{align-self:center;font-size:20px;color:var(--soft)}
.hist rect{fill:var(--accent)}.hist line{stroke:var(--soft);stroke-dasharray:2 2}
.hist text{fill:var(--soft);font-size:10px}
.curve polyline{fill:none;stroke-width:2}.curve .c0{stroke:#e8833a}.curve .c1{stroke:#3a86c8}
.curve circle.c0,.curve tspan.c0{fill:#e8833a;stroke:none}.curve circle.c1,.curve tspan.c1{fill:#3a86c8;stroke:none}
.curve .c2{stroke:#4f9d69}.curve circle.c2,.curve tspan.c2{fill:#4f9d69;stroke:none}
.curve .c3{stroke:#9c62b5}.curve circle.c3,.curve tspan.c3{fill:#9c62b5;stroke:none}
.curve .c4{stroke:#b03a48}.curve circle.c4,.curve tspan.c4{fill:#b03a48;stroke:none}
.curve .c5{stroke:#7a7f36}.curve circle.c5,.curve tspan.c5{fill:#7a7f36;stroke:none}
.curve text{fill:var(--soft);font-size:11px}
summary{cursor:pointer;color:var(--soft);margin-top:14px}pre{overflow-x:auto;font-size:12px}
.none{color:var(--soft)}.bad{color:#d33f2d;font-weight:600}
.bars td{border:0;padding:1px 10px 1px 0;font-size:13px}
.bar{display:block;height:9px;border-radius:2px;background:var(--accent);min-width:1px}
"""


Tell = Callable[[str], str]
"""Returns a sentence in the page's language."""

_SPEAKING: ContextVar[tuple[str, Tell]] = ContextVar("_SPEAKING", default=("en", str))


@contextmanager
def speaking(language: str, tell: Tell) -> Iterator[None]:
    """Let the pages that are made within be in a language."""
    token = _SPEAKING.set((language, tell))
    try:
        yield
    finally:
        _SPEAKING.reset(token)


def escape(text: str) -> str:
    """Return a text as HTML: what was said by `say` in the page's language, names and the like as they are."""
    return _escape(_SPEAKING.get()[1](text) if isinstance(text, Said) else str(text))


def page(title: str, lead: str, sections: Iterable[str]) -> str:
    """Return the whole document. Everything that a user wrote is escaped by whoever made the section."""
    return (
        f'<!doctype html>\n<html lang="{_SPEAKING.get()[0]}">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        "style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{escape(title)}</h1>\n<p>{escape(lead)}</p>\n" + "\n".join(sections) + "\n</main>\n</body>\n</html>\n"
    )


def section(title: str, text: str, *content: str) -> str:
    """Return a card with a heading, an explanation, and content that is HTML already."""
    lead = f"<p>{escape(text)}</p>" if text else ""
    return f"<section><h2>{escape(title)}</h2>{lead}{''.join(content)}</section>"


def heading(text: str) -> str:
    return f"<h3>{escape(text)}</h3>"


def row(*content: str) -> str:
    return f'<div class="row">{"".join(content)}</div>'


def line(*content: str) -> str:
    """Return what belongs on one line; where there is no room, it scrolls."""
    return f'<div class="row line">{"".join(content)}</div>'


def figure(png: bytes, caption: str) -> str:
    """Return a picture with its caption, which is what screen readers say of it, too."""
    data = base64.b64encode(png).decode("ascii")
    text = escape(caption).replace(" × ", "\u00a0×\u00a0")  # sizes are not broken over lines
    image = f'<img src="data:image/png;base64,{data}" alt="{text}">'
    return f'<figure class="picture">{image}<figcaption>{text}</figcaption></figure>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """Return a table of cells that are HTML already; `numbers` are the columns set to the right."""
    mark = [' class="number"' if k in numbers else "" for k in range(len(head))]
    top = "".join(f"<th{mark[k]}>{escape(name)}</th>" for k, name in enumerate(head))
    lines = "".join("<tr>" + "".join(f"<td{mark[k]}>{c}</td>" for k, c in enumerate(cells)) + "</tr>" for cells in rows)
    return f'<div class="scroll"><table><thead><tr>{top}</tr></thead><tbody>{lines}</tbody></table></div>'


def matrix(values: Iterable[Iterable[float]], caption: str) -> str:
    """Return a grid of numbers."""
    lines = "".join("<tr>" + "".join(f"<td>{_cell(v)}</td>" for v in line) + "</tr>" for line in values)
    text = f"<figcaption>{escape(caption)}</figcaption>"
    return f'<figure class="scroll"><table class="matrix"><tbody>{lines}</tbody></table>{text}</figure>'


def sign(text: str) -> str:
    return f'<span class="sign">{escape(text)}</span>'


def bars(values: Sequence[tuple[str, float]]) -> str:
    """Return shares from 0 to 1 as bars with their names."""
    lines = "".join(
        f'<tr><td>{escape(name)}</td><td><span class="bar" style="width:{max(0.0, min(value, 1.0)) * 110:.1f}px">'
        f"</span></td><td>{value:.1%}</td></tr>"
        for name, value in values
    )
    return f'<table class="bars"><tbody>{lines}</tbody></table>'


def _cell(value: float) -> str:
    """Write a number of a grid, all as wide as their neighbours."""
    text = f"{value:.0f}" if float(value).is_integer() else f"{value:.3f}" if abs(value) < 100 else f"{value:.3g}"
    return text.replace("-", "−", 1) if value < 0 else text


def number(value: float) -> str:
    """Write a number shortly, with a true minus.

    >>> number(-0.125), number(3), number(1234567.0)
    ('−0.125', '3', '1.23e+06')
    """
    return f"{value:.3g}".replace("-", "−", 1) if value < 0 else f"{value:.3g}"
