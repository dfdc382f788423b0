"""The tabs of the page, a file each; wct/web/page.py has them in a row.

`build(shared)` makes a tab's widgets, and returns those that take over what was chosen on the first: its photo, its
photo and its painting, or nothing.
"""
