"""The JSON Schema of what holds layers, with every layer there is.

A list of layers looks a layer's class up when it reads one (schemas/model.py), so Pydantic knows nothing of the others.
For a schema twins are made that know all of them from the beginning. They only tell; nothing is read with them.
"""

from __future__ import annotations

import functools
from typing import Annotated, Any, ForwardRef, Union

from pydantic import BaseModel, Field, create_model

from .document import Document
from .layer import REGISTRY
from .model import Model, Repeat, Unit


def twin(cls: type[BaseModel]) -> type[BaseModel]:
    """Return the class like `cls`, its name and texts included, whose fields name every layer's class."""
    return _twins().get(cls, cls)


@functools.cache
def _twins() -> dict[type[BaseModel], type[BaseModel]]:
    kinds: Any = (*(one.cls for one in REGISTRY.values()), ForwardRef("RepeatTwin"), Unit)
    entry: Any = Annotated[Union.__getitem__(kinds), Field(discriminator="type")]
    entries: Any = list[entry]
    repeat = _like(Repeat, layers=entries)
    repeat.model_rebuild(_types_namespace={"RepeatTwin": repeat})
    model = _like(Model, layers=entries)
    model.model_rebuild(_types_namespace={"RepeatTwin": repeat})
    return {Repeat: repeat, Model: model, Document: _like(Document, model=model)}


def _like(cls: type[BaseModel], **types: Any) -> type[BaseModel]:
    """Return a class with the name and texts of `cls` in which these fields have other types."""
    fields: dict[str, Any] = {name: (kind, cls.model_fields[name]) for name, kind in types.items()}
    return create_model(cls.__name__, __base__=cls, __module__=cls.__module__, __doc__=cls.__doc__, **fields)
