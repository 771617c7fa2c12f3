"""The commands of `spk-tui`, one function each, grouped by what a person wants: train, steer a run, look at things."""
