"""Publishes inspection plans, item lists and results, and stops publishing them when the law says so.

1 pull    takes what the inspection platform has finalized           (source/)
2 judge   decides by dated rules what the public may see on a day    (rules/)
3 record  writes every decision into the ledger                      (ledger/)
4 build   makes the static site say exactly what the ledger says     (site/)
5 push    tells the credit publicity systems the same                (exchange/)

Start reading at ``pipeline.py``.
"""

__version__ = "0.1.0"
