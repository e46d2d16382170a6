"""What another program calls: the models of the zoo by their names."""

from vidzoo.apis.model_index import find_config, get_model, list_models

__all__ = ["find_config", "get_model", "list_models"]
