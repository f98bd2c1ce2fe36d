"""Cards, holds, fuellings and the ledger."""
