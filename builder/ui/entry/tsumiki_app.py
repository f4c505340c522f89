"""What Streamlit runs. It stands alone in its folder: Streamlit puts that folder before all others on the path."""

from builder.ui.app import main

main()
