"""Says in one line what a fleet did:  fleet_line.py FILE, which has the JSON lines that the program `fleet` wrote"""

import json
import sys


def main(path):
    with open(path, encoding="utf-8") as file:
        result = [line for line in map(json.loads, file) if line.get("type") == "result"][-1]
    requests = sum(result["requests"].values()) + sum(result["proof"]["requests"].values())
    given_up = sum(count for what, count in result["counts"].items() if what.startswith("operations_given_up"))
    print(
        f"{result['acknowledged']} snapshots acknowledged by {result['processes']} clients in {result['seconds']:.0f} s,"
        f" {result['kills']} killed; {result['proof']['snapshots']} in force proven, none lost; {requests} requests,"
        f" {given_up} operations given up while the store was out of reach"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
