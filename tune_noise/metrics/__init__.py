"""What is measured: metric names, evaluation, label precision and recall."""
