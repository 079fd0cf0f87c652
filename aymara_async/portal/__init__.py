"""How a blocking caller reaches an event loop that runs on a thread of its own."""
