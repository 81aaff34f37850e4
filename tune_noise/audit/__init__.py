"""What a few labels checked by hand tell: a random sample, people's answers, and estimates.

The population is the training labels that the leader's networks judged without having learned them
(`population`). A sample of it is drawn with known probabilities (`sample`), people answer
(`answers`), and `estimates` says how noisy the labels and how good the finalists are.
"""
