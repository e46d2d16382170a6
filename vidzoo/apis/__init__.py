"""What another program calls: the models of the zoo by their names."""

from vidzoo.apis.model_index import get_model, list_models

__all__ = ["get_model", "list_models"]
