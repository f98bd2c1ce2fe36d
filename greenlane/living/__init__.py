"""A live system on one machine, for people to try: service, central control and a lane that loops a clip."""
