"""Live content: candidates are rooms, each a host, a shelf of products and a moment. One model a file."""
