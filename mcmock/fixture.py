"""The documented home of McmockServer, for code that uses it without the pytest plugin."""

from mcmock.testing.server import McmockServer

__all__ = ["McmockServer"]
