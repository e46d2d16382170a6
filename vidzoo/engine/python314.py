"""What Python 3.14 has removed from the standard library and MMEngine 0.10 still calls."""

from __future__ import annotations

import importlib.util
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def find_loader_provided() -> Iterator[None]:
    """Provide ``pkgutil.find_loader`` inside the ``with`` where the standard library has none.

    MMEngine asks it whether mmcv has compiled operators, in ``Runner.wrap_model`` (synchronised batch norm) and in
    ``build_optim_wrapper`` (``paramwise_cfg``). Outside the ``with`` the standard library stays as it is.
    """
    if hasattr(pkgutil, "find_loader"):
        yield
        return
    module: Any = pkgutil
    module.find_loader = _find_loader
    try:
        yield
    finally:
        del module.find_loader


def _find_loader(name: str) -> Any:
    """Do what ``pkgutil.find_loader`` did: return the loader of a module, None where there is no such module."""
    spec = importlib.util.find_spec(name)
    return spec and spec.loader
