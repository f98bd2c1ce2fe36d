"""The counter: a cashier's and an operator's pages over cards and money."""
