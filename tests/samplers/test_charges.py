"""What a slice puts into the ledger."""

from types import SimpleNamespace

from samplers.running import charges


def test_a_step_has_one_counted_row_and_one_for_each_paid_source():
    new = [SimpleNamespace(step=step) for step in (3, 3, 4)]
    assert charges(new, ()) == [{"step": 3, "key": "reward", "n": 2}, {"step": 4, "key": "reward", "n": 1}]
    paid = charges(new, ["docking @ scorer.example"])
    assert [(row["step"], row["key"], row["n"]) for row in paid] == [
        (3, "reward", 2), (3, "docking @ scorer.example", 2), (4, "reward", 1), (4, "docking @ scorer.example", 1),
    ]  # fmt: skip
    assert sum(row["n"] for row in paid if row["key"] == "reward") == 3
