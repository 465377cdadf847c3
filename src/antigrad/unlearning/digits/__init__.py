"""The digits of scikit-learn, and two trained networks for them that are shipped: a CNN and a tiny ViT."""
