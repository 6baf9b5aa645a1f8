"""Running a trained model fast and by itself: scoring many texts in one row, continuing many prompts in one batch.

attention.py: how packed rows attend; forward.py: one row through the model, logits only where they are wanted;
scoring.py: likelihoods. batching.py, cache.py, drafts.py: generation; transformers_backend.py, vllm_backend.py: the same by others.
ready.py: a model for inference only. All of it is left out for an architecture on which it does not give the plain forward's numbers.
"""
