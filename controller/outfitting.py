"""What a wanted pod is given beyond its template before it is made: its assignment and, on a cluster, the executor.

Whoever runs pods as processes of this machine carries assignments out himself (`AsWritten`). On a cluster the executor
does it inside the pod (`ClusterOutfitter`): its ConfigMap must be in the namespace, the command of an image that a
template leaves to the image must be known, and artifacts need addresses that the pod may use without credentials.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from argosy.clock import Clock
from argosy.errors import SpecError
from argosy.kube.contract import Kube, Object
from argosy.settings import Settings
from controller.artifacts.contract import ArtifactSigner
from controller.artifacts.garbage import ArtifactRemover
from controller.artifacts.removing import BucketRemover
from controller.artifacts.signing import Signer
from controller.engine.contract import WantedPod
from controller.executor import Executor, ExecutorMaps
from controller.images.configured import Configured
from controller.images.contract import Entrypoints
from controller.images.kept import Kept
from controller.pods.assignment import Assignment
from controller.pods.manifest import pod_spec_of
from controller.pods.mounting import ImageCommand, Mounting, wrapped_containers
from controller.pods.resource_work import as_files, assignment_of
from controller.pods.tiers import Tier, tier_of


@dataclass(frozen=True, slots=True)
class Outfit:
    """The assignment of a pod, if it has one, and how the executor gets into it (None: whoever runs the pod is enough).

    `repository` is what the workflow's ``status.artifactRepositoryRef`` should say, where artifacts go to a store.
    """

    assignment: Assignment | None = None
    mounting: Mounting | None = None
    repository: Mapping[str, Any] = field(default_factory=dict)


class Outfitter(Protocol):
    """Gives pods what they need; `remover` deletes the artifacts that they leave, where that is wished (None: nobody does)."""

    @property
    def remover(self) -> ArtifactRemover | None:
        """Who deletes artifacts."""

    async def outfit(self, wanted: WantedPod, workflow: Object, spec: Mapping[str, Any]) -> Outfit:
        """The outfit of this pod. Raises SpecError for what no pod can be given, Unavailable for what may work later."""


class AsWritten:
    """For pods whose runner reads the assignment from the pod itself, and keeps artifacts by itself.

    With a `signer`, those that name a store of their own go there, if the namespace has its secrets.
    """

    def __init__(self, *, signer: Signer | None = None, remover: ArtifactRemover | None = None) -> None:
        self._signer = signer
        self.remover = remover

    async def outfit(self, wanted: WantedPod, workflow: Object, spec: Mapping[str, Any]) -> Outfit:
        """The assignment alone."""
        assignment = assignment_of(wanted, workflow, spec)
        if self._signer is not None and assignment is not None and assignment.needs_store:
            namespace = workflow["metadata"]["namespace"]
            assignment = await self._signer.signed_where_known(assignment, namespace=namespace)
        return Outfit(assignment)


class ClusterOutfitter:
    """For pods that a kubelet runs."""

    def __init__(self, kube: Kube, executor: Executor, *, entrypoints: Entrypoints, artifacts: ArtifactSigner,
                 clock: Clock, own_image: str = "", remover: ArtifactRemover | None = None) -> None:
        self.remover = remover
        self._executor = executor
        self._own_image = own_image
        self._maps = ExecutorMaps(kube, executor, clock=clock)
        self._entrypoints = entrypoints
        self._artifacts = artifacts

    async def outfit(self, wanted: WantedPod, workflow: Object, spec: Mapping[str, Any]) -> Outfit:
        """Nothing for a plain pod; else the signed assignment and the executor."""
        repository = await self._artifacts.repository(workflow, spec)
        assignment = assignment_of(wanted, workflow, spec, repository)
        timed = wanted.deadline is not None or wanted.active_seconds is not None
        if tier_of(wanted.template, assignment, timed=timed) == Tier.PLAIN:
            return Outfit()
        namespace = workflow["metadata"]["namespace"]
        await self._maps.ensure(namespace)
        found: Mapping[str, Any] = {}
        if assignment is not None and assignment.needs_store:
            assignment, found = await self._artifacts.signed(assignment, repository, namespace=namespace), repository.found
        if assignment is not None and (assignment.work or assignment.request):
            self._check_own_image(wanted)
            assignment = as_files(assignment)
        commands = await self._commands(wanted, workflow, {**spec, **wanted.pod_fields})
        return Outfit(assignment, Mounting(
            self._executor.names, self._executor.usual_architecture, commands,
            self._own_image), found)

    def _check_own_image(self, wanted: WantedPod) -> None:
        if not self._own_image:
            raise SpecError(f"template {wanted.template_name}", "is a resource or http template, which runs in Argosy's own "
                            "image, and the controller was not told its name; start it with --image NAME or set ARGOSY_IMAGE")

    async def _commands(self, wanted: WantedPod, workflow: Object, spec: Mapping[str, Any]) -> dict[str, ImageCommand]:
        """By image, what those containers run that name no command, a `podSpecPatch` included."""
        metadata, template = workflow["metadata"], wanted.template
        pod = pod_spec_of(wanted, spec, metadata["name"])
        images = {container.get("image") or "" for container in wrapped_containers(pod, template)
                  if not container.get("command")}
        account = pod.get("serviceAccountName") or "default"
        secrets = tuple(item.get("name") or "" for item in pod.get("imagePullSecrets") or ())
        return {image: await self._entrypoints.command_of(
            image, namespace=metadata["namespace"], service_account=account, pull_secrets=secrets)
            for image in sorted(images - {""})}


def for_cluster(kube: Kube, *, clock: Clock, home: str = "", settings: Settings | None = None,
                own_image: str = "") -> ClusterOutfitter:
    """The outfitter of a controller on a cluster, whose own namespace is `home` ("" where it runs outside).

    Raises ArgosyError where this installation lacks the executor.
    """
    from controller.images.asking import Asked

    settings = settings or Settings()
    registries = Kept(Asked(kube, insecure=frozenset(settings.insecure_registries)), clock=clock)
    entrypoints = Configured(settings.images, registries, kube, clock=clock, namespace=home)
    signer = Signer(kube, clock=clock, home=home)
    return ClusterOutfitter(kube, Executor.load(), entrypoints=entrypoints, clock=clock, own_image=own_image,
                            artifacts=signer, remover=BucketRemover(signer))
