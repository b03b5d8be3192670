"""Tables of samples: features and labels joined already, one row an impression or a request."""
