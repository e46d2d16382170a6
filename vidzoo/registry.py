"""The slots a plug-in can fill: children of MMEngine's registries, in the scope ``vidzoo``.

Nothing else has to be imported: each registry imports the packages named in its ``locations`` on the first look-up.
"""

from __future__ import annotations

import difflib
from contextlib import suppress

from mmengine import registry as root
from mmengine.registry import Registry as MMEngineRegistry

from vidzoo.errors import UnknownNameError


class Registry(MMEngineRegistry):
    """An MMEngine registry that answers an unknown name with the nearest names it knows."""

    def get(self, key: str):
        """Return the class registered as ``key`` here or in a parent registry.

        Raises:
            UnknownNameError: no such name; the message lists the nearest names and the packages searched.
        """
        self.import_from_location()  # an error of an import is no answer to the name
        found = None
        with suppress(RuntimeError):  # MMEngine's answer to a name that is no import path either
            found = super().get(key)
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
        raise UnknownNameError(
            f"'{key}' is not registered as a {self.name}; did you mean {nearest or 'nothing (the registry is empty)'}? "
            f"Searched: {', '.join(self._locations)} and MMEngine. A component of your own is found through "
            f"custom_imports = dict(imports=['my_package.my_module']) in the config."
        )


MODELS = Registry("model", parent=root.MODELS, scope="vidzoo", locations=["vidzoo.models"])
DATASETS = Registry("dataset", parent=root.DATASETS, scope="vidzoo", locations=["vidzoo.datasets"])
TRANSFORMS = Registry("transform", parent=root.TRANSFORMS, scope="vidzoo", locations=["vidzoo.datasets.transforms"])
METRICS = Registry(
    "metric",
    parent=root.METRICS,
    scope="vidzoo",
    locations=["vidzoo.evaluation.torque_benchmark", "vidzoo.evaluation.pose_benchmark"],
)
HOOKS = Registry("hook", parent=root.HOOKS, scope="vidzoo", locations=["vidzoo.engine"])
VISUALIZERS = Registry("visualizer", parent=root.VISUALIZERS, scope="vidzoo", locations=["vidzoo.visualization"])
TASK_UTILS = Registry("task util", parent=root.TASK_UTILS, scope="vidzoo", locations=["vidzoo.models"])
MODEL_WRAPPERS = Registry("model_wrapper", parent=root.MODEL_WRAPPERS, scope="vidzoo", locations=["vidzoo.engine"])

# MMEngine's own components fill these; they are here so that a misspelt one is answered like any other name.
LOOPS = Registry("loop", parent=root.LOOPS, scope="vidzoo", locations=["vidzoo.engine"])
DATA_SAMPLERS = Registry("data sampler", parent=root.DATA_SAMPLERS, scope="vidzoo", locations=["vidzoo.engine"])
OPTIMIZERS = Registry("optimizer", parent=root.OPTIMIZERS, scope="vidzoo", locations=["vidzoo.engine"])
OPTIM_WRAPPERS = Registry("optim_wrapper", parent=root.OPTIM_WRAPPERS, scope="vidzoo", locations=["vidzoo.engine"])
OPTIM_WRAPPER_CONSTRUCTORS = Registry(
    "optimizer wrapper constructor",
    parent=root.OPTIM_WRAPPER_CONSTRUCTORS,
    scope="vidzoo",
    locations=["vidzoo.engine"],
)
PARAM_SCHEDULERS = Registry(
    "parameter scheduler", parent=root.PARAM_SCHEDULERS, scope="vidzoo", locations=["vidzoo.engine"]
)
VISBACKENDS = Registry("vis_backend", parent=root.VISBACKENDS, scope="vidzoo", locations=["vidzoo.visualization"])
