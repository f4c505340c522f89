"""WHAT a user may say: the document, its layers, data and training settings, as Pydantic models.

Imports only pydantic and the standard library.
"""
