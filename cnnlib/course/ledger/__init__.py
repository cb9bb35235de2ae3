"""The claims ledger: `entries` reads what authors write, `ledger` computes and shows it."""
