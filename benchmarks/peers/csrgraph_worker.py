"""Uniform random walks by csrgraph (numba), on the arrays of a graph of ours. Runs in csrgraph's environment, without ours.

    python csrgraph_worker.py GRAPH WALKS LENGTH

The last line is JSON: processor seconds and steps of a second call (the first one compiles).
"""

import json
import sys
import time

import csrgraph
import numpy as np
from scipy.sparse import csr_matrix

folder, walks, length = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
offsets, back = (np.load(f"{folder}/offsets-{name}.npy") for name in ("bought", "to-bought"))
targets, sources = (np.load(f"{folder}/targets-{name}.npy") for name in ("bought", "to-bought"))
users = len(offsets) - 1
# Users first, then items: on a bipartite graph, a walk from a user goes through both types in turn, as user-item-user does.
indptr = np.concatenate([offsets, offsets[-1] + back[1:]])
indices = np.concatenate([targets + users, sources])
graph = csrgraph.csrgraph(csr_matrix((np.ones(len(indices), np.float32), indices, indptr), shape=(len(indptr) - 1,) * 2))
starts = np.arange(walks) % users
graph.random_walks(walklen=length, epochs=1, start_nodes=starts[:10])
started = time.process_time()
found = graph.random_walks(walklen=length, epochs=1, start_nodes=starts)
print(json.dumps({"seconds": time.process_time() - started, "steps": int(found.shape[0] * (found.shape[1] - 1))}))
