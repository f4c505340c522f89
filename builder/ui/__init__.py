"""The builder in the browser: pages, canvas and the pure state behind them. No maths, no file formats."""
