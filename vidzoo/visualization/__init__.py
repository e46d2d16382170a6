"""Draw torque curves and projected markers."""
