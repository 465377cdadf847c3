"""Reading and writing scenes, one file a format."""
