"""The client of a ranking model, and a local server that speaks TF Serving's protocol."""
