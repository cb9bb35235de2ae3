"""Parts of the recorded experiments: the recorder, and networks and measurements of the book's own."""
