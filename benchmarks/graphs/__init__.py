"""metapath2vec and the HIN encoder on public graphs, from a folder that the user gives."""
