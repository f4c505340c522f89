"""Start Streamlit's server with what the first page needs loaded already, so that who opens it does not wait for that.

Arguments are those of `streamlit run`. Importing the page takes over a second, which would otherwise come after the
browser's first request; the address is told before, and the browser is opened when the server stands.
"""

import importlib
import sys


def warm() -> None:
    """Load the first page, and let it look at a document once."""
    for name in ("builder.ui.app", "builder.ui.pages.build"):
        importlib.import_module(name)
    from builder.check import check

    check({"format": 1, "model": {"input": [1, 4, 4], "layers": [{"type": "Convolution", "out_channels": 1}]}})


if __name__ == "__main__":
    warm()
    from streamlit.web.cli import main

    sys.argv[1:1] = ["run"]
    main(prog_name="streamlit")
