"""Image encoders: EfficientNet-Lite0, torchvision, Hugging Face vision models and CLIP."""
