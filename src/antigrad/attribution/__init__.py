"""Attribution: where a decision comes from, with positive and negative gradients distinguished."""
