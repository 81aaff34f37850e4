"""What a search finds for its CPU time: simulated slots around the real session, without Ray."""
