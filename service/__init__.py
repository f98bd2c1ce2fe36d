"""The balance service: ledger, authorisation, fuellings, payers, identity, pages and the database under them."""
