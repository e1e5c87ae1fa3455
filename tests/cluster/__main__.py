"""``python -m tests.cluster up|down|status|argosy|fake|load FILE...``"""

import sys

from tests.cluster import down, fake_node, images, objects, up
from tests.cluster.layout import KUBECONFIG, ClusterError, say
from tests.cluster.processes import process_id

_USAGE = """\
python -m tests.cluster VERB
  up           bring a one-node Kubernetes up on this machine (as root); the last line is its kubeconfig
  down         take it away
  status       say what runs; the exit code is 0 if all does
  argosy       build this tree's image and load it as localhost/argosy:dev
  fake         add a node that only pretends, for thousands of pods
  load FILE... load images (docker-archives) into its containerd"""


def main(words: list[str]) -> int:
    """Do what the words say; the exit code."""
    match words:
        case ["up"]:
            up.up()
        case ["down"]:
            down.down()
        case ["status"]:
            return _status()
        case ["argosy"]:
            images.load_argosy()
        case ["fake"]:
            fake_node.add_fake_node()
        case ["load", *files] if files:
            for file in files:
                images.load_archive(file)
        case _:
            print(_USAGE, file=sys.stderr)
            return 2
    return 0


def _status() -> int:
    stopped = [name for name in up.NAMES if process_id(name) is None]
    for name in up.NAMES:
        say(f"{name} {'does not run' if name in stopped else 'runs'}")
    if stopped:
        return 1
    print(objects.kube("get", "nodes").rstrip())
    print(KUBECONFIG)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except ClusterError as error:
        sys.exit(f"cluster: {error}")
