"""Item features: encoders of texts and images, and the HDF5 tables of their vectors."""
