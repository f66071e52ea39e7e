"""Pure functions of (weights, data) that learners are made of."""
