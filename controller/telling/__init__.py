"""What the lane unit tells others of itself: status, visits, panel, metrics."""
