"""The page that shows what happened in every visit of a simulation: one HTML file without anything from outside."""
