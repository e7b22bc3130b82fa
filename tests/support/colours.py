"""How light colours are, and how far one stands out from another."""

import numpy as np


def linear(colour: str) -> np.ndarray:
    values = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours as WCAG 2 defines it."""
    darker, lighter = sorted(float(np.dot((0.2126, 0.7152, 0.0722), linear(colour))) for colour in (one, other))
    return (lighter + 0.05) / (darker + 0.05)
