"""Who is measured: one module for each way to do the work, all with the same functions."""
