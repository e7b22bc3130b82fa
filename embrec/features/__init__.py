"""What items are: encoders, and the lookup tables of their vectors."""
