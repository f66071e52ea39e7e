"""The parts of the random structural causal models from which synthetic tables are drawn."""
