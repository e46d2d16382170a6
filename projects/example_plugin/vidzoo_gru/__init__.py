"""A gated recurrent torque head, installed beside vidzoo."""
