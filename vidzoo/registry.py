"""The slots a plug-in can fill: children of MMEngine's registries, in the scope ``vidzoo``.

Nothing else has to be imported: each registry imports the packages named in its ``locations`` on the first look-up, and
the installed plug-ins (entry points of the group ``vidzoo.plugins``) on the first name that none of these knows.
"""

from __future__ import annotations

import difflib
import warnings
from contextlib import suppress
from functools import cache, partial
from importlib.metadata import EntryPoint, entry_points

from mmengine import registry as root
from mmengine.registry import Registry as MMEngineRegistry

from vidzoo.errors import ConfigError, UnknownNameError

PLUGINS = "vidzoo.plugins"
"""The entry point group whose modules register components when they are imported."""


class Registry(MMEngineRegistry):
    """An MMEngine registry that knows installed plug-ins and answers an unknown name with the nearest names."""

    def __init__(self, name: str, parent: MMEngineRegistry, locations: list[str]) -> None:
        super().__init__(name, parent=parent, scope="vidzoo", locations=locations)
        self.locations = locations

    def get(self, key: str):
        """Return the class registered as ``key`` here, in a parent registry or by an installed plug-in.

        Raises:
            UnknownNameError: no such name; the message lists the nearest names and what was searched.
        """
        self.import_from_location()  # outside _find, so that an error of an import is not taken for an unknown name
        found = self._find(key)
        if found is not None:
            return found
        plugins = load_plugins()
        found = self._find(key)
        if found is not None:
            return found
        names: set[str] = set()
        node = self
        while node is not None:
            names.update(node.module_dict)
            node = node.parent
        by_lower_case = {name.lower(): name for name in sorted(names)}
        near = difflib.get_close_matches(key.split(".")[-1].lower(), by_lower_case, n=3, cutoff=0.5)
        nearest = ", ".join(by_lower_case[name] for name in near) or ", ".join(sorted(self.module_dict)[:8])
        searched = [*self.locations, *(f"the plug-in {name}" for name, failure in plugins.items() if not failure)]
        raise UnknownNameError(
            f"'{key}' is not registered as a {self.name}; did you mean {nearest or 'nothing (the registry is empty)'}? "
            f"Searched: {', '.join(searched)} and MMEngine. A component of your own is found through "
            f"custom_imports = dict(imports=['my_package.my_module']) in the config, or installed as a plug-in."
            + "".join(f" Left out: {failure}" for failure in plugins.values() if failure)
        )

    def _find(self, key: str):
        with suppress(RuntimeError):  # MMEngine's answer to a name that is no import path either
            return super().get(key)
        return None

    def register_module(self, name=None, force=False, module=None):
        """Register ``module``, or what this decorates, under its own or another name.

        Raises:
            ConfigError: the name is taken, and ``force`` does not say that it may be.
        """
        if module is None:
            return partial(self.register_module, name, force)
        names = [name] if isinstance(name, str) else name or [module.__name__]
        taken = next((name for name in names if name in self.module_dict), None)
        if taken and not force:
            raise ConfigError(
                f"{self.name} '{taken}' exists twice, in {self.module_dict[taken].__module__} and in "
                f"{module.__module__}; give yours another name: @register_module(name='My{taken}')."
            )
        return super().register_module(name, force, module)


@cache
def load_plugins() -> dict[str, str]:
    """Import every installed plug-in, once; warn of one that is broken and leave it out.

    Returns:
        The module of each plug-in -> why it could not be imported, '' where it could.
    """
    return {plugin.value: _failure(plugin) for plugin in entry_points(group=PLUGINS)}


def _failure(plugin: EntryPoint) -> str:
    try:
        plugin.load()
    except Exception as error:  # a plug-in's module may raise anything
        package = f", of the package {plugin.dist.name}" if plugin.dist else ""
        failure = (
            f"the plug-in '{plugin.name}' ({plugin.value}{package}) cannot be imported: {type(error).__name__}: "
            f"{' '.join(str(error).split())}; mend or uninstall it."
        )
        warnings.warn(failure, stacklevel=2)
        return failure
    return ""


MODELS = Registry("model", parent=root.MODELS, locations=["vidzoo.models"])
DATASETS = Registry("dataset", parent=root.DATASETS, locations=["vidzoo.datasets"])
TRANSFORMS = Registry("transform", parent=root.TRANSFORMS, locations=["vidzoo.datasets.transforms"])
METRICS = Registry(
    "metric",
    parent=root.METRICS,
    locations=[
        "vidzoo.evaluation.torque_benchmark",
        "vidzoo.evaluation.pose_benchmark",
        "vidzoo.evaluation.pelvis_residual",
    ],
)
HOOKS = Registry("hook", parent=root.HOOKS, locations=["vidzoo.engine"])
VISUALIZERS = Registry("visualizer", parent=root.VISUALIZERS, locations=["vidzoo.visualization"])
MODEL_WRAPPERS = Registry("model_wrapper", parent=root.MODEL_WRAPPERS, locations=["vidzoo.engine"])
WEIGHT_INITIALIZERS = Registry("weight initializer", parent=root.WEIGHT_INITIALIZERS, locations=["vidzoo.engine"])

# MMEngine builds its own components through these. Without them it would warn at each build that the scope vidzoo is
# unknown, and a misspelt name would be answered without the nearest ones.
LOOPS = Registry("loop", parent=root.LOOPS, locations=["vidzoo.engine"])
DATA_SAMPLERS = Registry("data sampler", parent=root.DATA_SAMPLERS, locations=["vidzoo.engine"])
OPTIMIZERS = Registry("optimizer", parent=root.OPTIMIZERS, locations=["vidzoo.engine"])
OPTIM_WRAPPERS = Registry("optim_wrapper", parent=root.OPTIM_WRAPPERS, locations=["vidzoo.engine"])
OPTIM_WRAPPER_CONSTRUCTORS = Registry(
    "optimizer wrapper constructor",
    parent=root.OPTIM_WRAPPER_CONSTRUCTORS,
    locations=["vidzoo.engine"],
)
PARAM_SCHEDULERS = Registry("parameter scheduler", parent=root.PARAM_SCHEDULERS, locations=["vidzoo.engine"])
VISBACKENDS = Registry("vis_backend", parent=root.VISBACKENDS, locations=["vidzoo.visualization"])
