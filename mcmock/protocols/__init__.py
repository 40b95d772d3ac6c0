"""The emulated APIs: bytes in, bytes out. Nothing here knows sessions, faults or storage."""
