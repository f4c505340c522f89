"""The engine's compiled operations. `README.md` beside this file is the map."""
