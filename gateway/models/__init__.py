"""Trained models: the versions that the pipeline's registry holds, and which of them is in production."""
