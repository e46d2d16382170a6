"""``--cfg-options`` of the command-line tools."""

from __future__ import annotations

import argparse
from typing import Any

from mmengine.config import DictAction


class CfgOptions(DictAction):
    """Read ``a.b.c=value`` words into a dict; what is no such word ends the tool with one sentence."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option_string: Any = None
    ) -> None:
        """Add the words ``values`` to what ``namespace`` holds."""
        for word in values:
            if not word.partition("=")[1] or word.startswith("="):
                parser.error(f"{option_string} {word}: expected KEY=VALUE, as in train_cfg.max_epochs=5.")
            try:
                super().__call__(parser, namespace, [word], option_string)
            except AssertionError as error:
                parser.error(f"{option_string} {word}: {error}.")
