"""One file for what a job must not forget: facts, answers of the model, batches and their results."""
