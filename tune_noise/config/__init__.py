"""What a user may say, checked: trials, domains, spaces, and the loader that reports all errors."""
