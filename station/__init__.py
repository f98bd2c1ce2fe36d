"""The station's central control: the service's API on the station's own network, also while the line is cut."""
