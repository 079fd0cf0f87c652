"""What is known of a run, and how it is counted: below everything that counts."""
