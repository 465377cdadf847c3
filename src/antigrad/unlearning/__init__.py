"""Machine unlearning: methods, metrics and splits of data, one file each; the jobs that use them."""
