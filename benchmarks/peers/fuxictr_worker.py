"""DIN from FuxiCTR's layers, put together as its model zoo does (which the package does not ship), Adam."""

from __future__ import annotations

import os

import torch
from fuxictr.pytorch.layers import DIN_Attention, MLP_Block
from torch import nn

from benchmarks.peers.samples import CATEGORIES, Shape, samples
from benchmarks.peers.worker import Round, serve


class DIN(nn.Module):
    """Attention with DIN's unit (80-40, Dice) over both fields together, tower 200-80."""

    def __init__(self, rows: int):
        super().__init__()
        self.tables = nn.ModuleDict({"item": nn.Embedding(rows, 16, padding_idx=0),
                                     "category": nn.Embedding(CATEGORIES, 16, padding_idx=0)})
        self.attention = DIN_Attention(32, attention_units=[80, 40], hidden_activations="Dice")
        self.tower = MLP_Block(input_dim=64, output_dim=1, hidden_units=[200, 80], hidden_activations="ReLU")

    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        target, past = (torch.cat([self.tables[name](batch[f"{side}_{name}"]) for name in self.tables], -1)
                        for side in ("candidate", "history"))
        interest = self.attention(target, past, batch["history_item"] > 0)
        return self.tower(torch.cat([target, interest], -1)).squeeze(-1)


def build(shape: Shape) -> Round:
    torch.set_num_threads(os.cpu_count() or 1)
    columns = {name: torch.from_numpy(values) for name, values in samples(shape).items()}
    columns |= {name: columns[name][:, 0] for name in ("candidate_item", "candidate_category", "label")}
    batches = [{name: values[i:i + shape.requests] for name, values in columns.items()}
               for i in range(0, len(columns["label"]), shape.requests)]
    model = DIN(shape.rows)
    optimizer = torch.optim.Adam(model.parameters())
    loss_of = nn.BCEWithLogitsLoss()

    def round_() -> None:
        for batch in batches:
            optimizer.zero_grad()
            loss_of(model(batch), batch["label"]).backward()
            optimizer.step()

    return round_


if __name__ == "__main__":
    serve(build)
