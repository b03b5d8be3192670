"""A fleet of TF Serving described in one small file: what its servers, its cluster and its monitoring need follows from it."""
