"""Speaker models: one file an encoder, and the parts around it. Everything here loads torch."""
