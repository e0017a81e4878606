"""The recognizers as models of transformers; `isotrope.auto` registers them."""
