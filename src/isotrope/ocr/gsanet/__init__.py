"""The papers' reader: TrOCR with an equivariant encoder, [LoRA-GSA] section 1."""
