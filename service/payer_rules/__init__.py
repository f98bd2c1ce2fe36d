"""Who pays: whose hour it is, what a way of paying covers, how two payers share a hold. Pure rules, below the books."""
