"""The engine: presets in, run directories out. It trains and knows nothing of any screen."""
