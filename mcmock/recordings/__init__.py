"""Recorded traffic: its formats, what to send again, and its judgement without a server."""
