"""What a user's mistake raises: an error whose message is one sentence."""

from __future__ import annotations


class VidZooError(Exception):
    """Say in one sentence what is wrong, where, what was expected and how to mend it."""


class DataError(VidZooError):
    """A file or folder of data is missing, broken, or does not say what its format promises."""


class ConfigError(VidZooError):
    """A config names something that does not exist or that does not fit its neighbours."""


class CheckpointError(VidZooError):
    """A checkpoint cannot be read safely or belongs to another model."""


class UnknownNameError(ConfigError, KeyError):
    """A name is not in a registry."""

    # KeyError's own __str__ shows repr(), quotes and all.
    __str__ = Exception.__str__
