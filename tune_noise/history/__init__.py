"""What a record says: trials, finalists, statuses, counts and the time left."""
