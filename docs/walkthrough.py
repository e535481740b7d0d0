"""From a file of measured molecules to the next plate, by program.

    python docs/walkthrough.py ADDRESS TOKEN FILE LABEL [--minutes 2] [--wells 12] [--quick]

FILE is a table with a column of SMILES and a column LABEL of numbers. The script uploads it, sets up a campaign that
wants LABEL high, lets a GFlowNet learn for a while, prints the best candidates and downloads the list. Then it pretends
that everything of the data failed, asks for a plate that learns from that, and answers it.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "designlab" / "api"))
from client import DesignLab  # the one file that `ADDRESS/api/v1/client.py` hands out


def main() -> None:
    """Walk the whole way."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    asked.add_argument("address")
    asked.add_argument("token")
    asked.add_argument("file", type=Path)
    asked.add_argument("label")
    asked.add_argument("--minutes", type=float, default=2.0, help="how long the generator learns")
    asked.add_argument("--wells", type=int, default=12, help="candidates on a plate")
    asked.add_argument("--quick", action="store_true", help="small networks and few steps, to see that it works")
    told = asked.parse_args()

    lab = DesignLab(told.address, told.token)
    me = lab.me()
    print(f"{me['user']} in {me['team']} as {me['role']}, version {me['version']}")

    data = lab.wait_for_import(lab.upload(told.file)["id"], labels=[told.label])
    print(f"data set {data['id']}: {data['structures']} structures")

    campaign = lab.create_campaign(f"High {told.label}", data["id"], goal={"label": told.label})
    small = {"hidden_size": 32, "batch_size": 8} if told.quick else {}
    run = lab.create_run(campaign["id"], generator="gflownet", settings=small, minutes=told.minutes)
    run = lab.wait_for_run(run["id"])
    print(f"run {run['number']} is {run['status']}: {run['candidates']} candidates")

    for candidate in list(lab.candidates(run["id"], new="1"))[:5]:
        print(f"  {candidate['label']}  {candidate['reward']:.3f}  {candidate['structure']}")
    print(f"the whole list: {lab.download(run['id'], Path('candidates.csv')).resolve().name}")

    search = lab.start_search(
        "Away from what failed", data["id"], failed={"data": data["id"]},
        rounds={"batch": told.wells, "budget": 4 * told.wells} | ({"failure_epochs": 2} if told.quick else {}),
        prior={"hidden_size": 16, "pretraining_steps": 60} if told.quick else {},
    )  # fmt: skip
    plate = lab.propose(search["id"])
    print(f"round {plate['number']}: {len(plate['wells'])} wells, {lab.search(search['id'])['charged']} charged")
    receipt = lab.tell_verdicts(search["id"], {well["id"]: "fail" for well in plate["wells"]})
    print(f"{receipt['new']} verdicts taken, learning goes on: {receipt['goes_on']}")
    following = lab.propose(search["id"])
    print(f"round {following['number']}: {len(following['wells'])} wells")


if __name__ == "__main__":
    main()
