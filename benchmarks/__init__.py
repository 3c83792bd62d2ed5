"""What Tradewind costs, measured on the real thing: ``./dev bench [NAME...]``.

One module per group of figures. Each starts real ``tradewind standalone`` processes on a home of
its own and speaks to them over HTTP, as a user's program would. The product imports none of it.
"""
