"""Runs: what a worker says (events), where it lies (directory), the process itself (worker) and how to reach it (client)."""
