"""The station's page: its lanes live, their visits step by step, and what a central control tells of itself."""
