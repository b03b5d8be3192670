"""Load on servers: calls at a set rate whatever the servers do, and what it took them."""
