"""Training: the loop, what it optimises with, how it validates, and what it saves. Everything here loads torch."""
