"""The balance service: wire records, ledger, authorisation, fuelling, payers, store and pages."""
