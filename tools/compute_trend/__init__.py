"""How training compute and hardware grew over seventy years: points, growth by era, claims, and the page."""
