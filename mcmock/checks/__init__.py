"""Whether it was so: one check, a sequence of events, a check that waits for arrivals, and the words of a failure."""
