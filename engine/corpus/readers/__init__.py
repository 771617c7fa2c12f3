"""Readers: one file a layout of corpora. `engine.corpus.opening` has the list of them."""
