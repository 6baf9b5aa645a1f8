"""What the LlamaFlow steps share: small, stable and pure. torch is imported inside functions only."""
