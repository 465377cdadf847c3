"""Attribution: where a decision comes from, with positive and negative gradients told apart."""
