"""What another program calls: the models of the zoo by their names."""

from vidzoo.apis.model_index import find_config, find_weights, get_model, list_models
from vidzoo.apis.publish import publish

__all__ = ["find_config", "find_weights", "get_model", "list_models", "publish"]
