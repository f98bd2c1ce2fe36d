"""What leaves the lane unit: signed requests, and messages kept on disk until they are taken."""
