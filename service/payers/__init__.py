"""Who pays when: the persons with phones that share a plate, their hours, mandates, wallets and charges."""
