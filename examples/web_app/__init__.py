"""A web service that starts evals and says how far they are, and a worker that carries them out."""
