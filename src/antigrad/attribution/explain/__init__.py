"""The job `antigrad explain`: maps of pictures, judged, saved and shown."""
