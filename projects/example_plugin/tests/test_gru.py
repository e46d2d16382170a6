"""The plug-in's head passes vidzoo's own suite."""

from vidzoo.testing import suite_for

TestGRUTorqueHead = suite_for(temporal_head={"type": "GRUTorqueHead", "hidden": 16})
