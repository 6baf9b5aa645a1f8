"""The training engine that bin/finetune.py composes.

data, attention, kernels, loss, compilation: what goes through the model and how. adapter, optimizer, neftune, quantization: the methods.
run_state, checkpoint, preemption, out_of_memory, divergence: what makes hours of it safe. utilisation: what it cost.
attention, kernels, loss, compilation and out_of_memory import torch at once: import them only where a model is at hand.
"""
