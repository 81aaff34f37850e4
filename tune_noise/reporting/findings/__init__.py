"""What a search has shown, in numbers only."""
