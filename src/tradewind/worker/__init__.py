"""Claims work, has zygotes fork it, keeps the lease, writes logs; never imports user code."""
