"""The builder in the browser: `streamlit run app.py`, or `tsumiki ui`, which also chooses port and workspace."""

from builder.ui.app import main

main()
