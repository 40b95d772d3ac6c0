"""The control API under /__admin: one module for each noun."""
