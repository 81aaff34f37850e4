"""Files, locks, signals, secrets and the garbage collector: what is the operating system's."""
