"""Training that is divided between several processes or machines, by `tf.distribute`."""
