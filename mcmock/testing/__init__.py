"""What a test uses: the fixture's server, golden sessions, the pytest plugin."""
