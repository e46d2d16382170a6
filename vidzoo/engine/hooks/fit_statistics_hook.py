"""From the training split's statistics to the model's buffers."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from vidzoo.errors import ConfigError
from vidzoo.registry import HOOKS


@HOOKS.register_module()
class FitStatisticsHook(Hook):
    """Standardise targets by the training subset of the split and by nothing else.

    The model keeps the statistics as buffers, so that a checkpoint carries them to every later use.
    """

    def before_train(self, runner: Runner) -> None:
        """Hand the data set's ``target_statistics()`` to the model's ``set_statistics``.

        Raises:
            ConfigError: the training data set cannot compute them.
        """
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        if not hasattr(model, "set_statistics"):
            return
        dataset = runner.train_dataloader.dataset
        if not hasattr(dataset, "target_statistics"):
            raise ConfigError(
                f"train_dataloader.dataset: {type(model).__name__} standardises its targets, but "
                f"{type(dataset).__name__} has no target_statistics(); use VIDDataset or give it that method."
            )
        model.set_statistics(dataset.target_statistics())
