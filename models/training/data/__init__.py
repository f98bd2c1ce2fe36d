"""Real pictures beside the project, and which of them are held out."""
