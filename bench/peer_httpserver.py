"""pytest-httpserver answering 204: `python bench/peer_httpserver.py PORT`."""

from __future__ import annotations

import re
import sys
import threading

from pytest_httpserver import HTTPServer

server = HTTPServer("127.0.0.1", int(sys.argv[1]))
server.expect_request(re.compile(".*")).respond_with_data("", 204)
server.start()
threading.Event().wait()
