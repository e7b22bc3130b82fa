"""Text encoders: TF-IDF, word vectors, ELMo, sentence transformers and CLIP."""
