"""One's own data as people keep them: files and folders, read into one form."""
