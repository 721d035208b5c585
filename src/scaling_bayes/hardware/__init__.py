"""Hardware, prices, power and carbon: tables, and what is built on them."""
