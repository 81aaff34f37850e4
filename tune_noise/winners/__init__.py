"""What is left of a winner: weights, model card, registered model, suspects."""
