"""Runs: what a worker says, where it lies on the disk, the process itself, and how others reach it."""
