"""What lanes, stations, phones and the service say to each other; standard library only."""
