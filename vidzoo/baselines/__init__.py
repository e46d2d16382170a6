"""Predictors that learn nothing: what every learnt model is compared with."""
