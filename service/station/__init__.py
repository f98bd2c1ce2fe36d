"""The station as people see it: what lane units tell, what is ordered of them, and the pages that show it."""
