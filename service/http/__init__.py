"""What the service's HTTP faces share: reading bodies, answering errors, the door before every route."""
