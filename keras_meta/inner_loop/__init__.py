"""The inner problem and its solution, as pure functions of weights and data."""
