"""One system per file: its modules, its loss, its formula, its paper."""
