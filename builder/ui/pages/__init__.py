"""One file per page; each has `page()`, which draws it."""
