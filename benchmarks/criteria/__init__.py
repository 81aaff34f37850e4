"""Which criterion chooses best: populations of configurations; see which_criterion.py."""
