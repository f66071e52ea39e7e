"""In-context learning of tables: training, weights, and estimators."""
