"""Corpora: from what lies in a person's folders to packed log-mel frames, split and ready to be gathered."""
