"""Image models and pictures."""
