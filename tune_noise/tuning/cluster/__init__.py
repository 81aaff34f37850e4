"""The nodes of a Ray cluster: connection, room, health."""
