"""Files, locks, signals, output, secrets, the garbage collector: what is the operating system's."""
