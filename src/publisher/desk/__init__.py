"""For the officers: search over everything the ledger holds, and a look at the built site on this machine."""
