"""How methods fare in many conditions, and what a search could know of them beforehand."""
