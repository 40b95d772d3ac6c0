"""Adobe's Media Collection API: its paths, bodies, answers and schemas."""
