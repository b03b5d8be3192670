"""The marketplace simulator: a request log with the true click probability of every impression.

What it assumes is said in docs/simulator.md.
"""

from zoo.data.simulator.config import CascadeConfig, SimulatorConfig, TrendsConfig
from zoo.data.simulator.schema import simulator_schema
from zoo.data.simulator.simulate import simulate, write_simulated_days, write_simulated_log

__all__ = ["CascadeConfig", "SimulatorConfig", "TrendsConfig", "simulate", "simulator_schema",
           "write_simulated_days", "write_simulated_log"]
