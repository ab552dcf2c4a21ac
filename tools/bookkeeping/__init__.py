"""The ledger of results: what is stated, by which command it came about, and whether it holds."""
