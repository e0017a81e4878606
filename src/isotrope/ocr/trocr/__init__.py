"""A published TrOCR with its own encoder and tokenizer, as a model to read with and to adapt."""
