"""A trained adapter as models that run elsewhere: merged safetensors, GGUF, and the proof that they answer alike."""
