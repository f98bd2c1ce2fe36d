"""The audit's proofs: each module looks at one side of the books and names what is wrong there."""
