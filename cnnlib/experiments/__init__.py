"""What the recorded experiments are made of: the recorder, and networks and measurements of the book's own."""
