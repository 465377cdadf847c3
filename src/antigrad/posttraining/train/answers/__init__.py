"""What `train bon` and `train rwr` share: likelihood of the policy's own answers, each with a weight."""
