"""What a station may answer while its line to the service is down, and what the service does about it afterwards."""
