"""The checks of a document, one short file per family; builder/check.py runs them in order, report.py is the answer."""
