"""Gives the artifacts of a pod URLs that it can use without credentials: S3 by signed URLs, HTTP as its own URLs."""

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from argosy.clock import Clock
from argosy.errors import SpecError
from argosy.kube.contract import Forbidden, Kube, NotFound, Object
from argosy.kube.resources import SECRETS
from controller.artifacts.authorities import of_amazon, vouching_for
from controller.artifacts.buckets import (
    EXPIRES_SECONDS,
    Bucket,
    Credentials,
    Store,
    check_key,
    is_amazon,
    read_bucket,
)
from controller.artifacts.forms import upload_form
from controller.artifacts.regions import region_of
from controller.artifacts.remembering import Remembering
from controller.artifacts.repositories import Repositories
from controller.pods.assignment import ArtifactIn, ArtifactOut, Assignment
from controller.pods.locations import Repository, completed, leaves_nothing_open, location_of, own_key

_FILES_MOST = 500  # of one folder artifact: each takes half a kilobyte of the pod's environment
_SELDOM_SECONDS = 3600.0  # a bucket does not move
_NOT_OFTEN_SECONDS = 300.0  # who vouches for a server hardly ever changes, but it may have been out of reach
_PACKED = (".tgz", ".tar.gz", ".zip")

Tree = Mapping[str, Any]
Artifact = TypeVar("Artifact", ArtifactIn, ArtifactOut)


class Signer:
    """Signs for the stores that the namespace of a workflow has secrets for.

    `home` is the controller's own namespace, where the installation's default repository is described; "" if it has none.
    With `personal`, whoever runs this asks for himself, and the credentials of his machine may be used for any place.
    """

    def __init__(self, kube: Kube, *, clock: Clock, home: str = "", personal: bool = False) -> None:
        self._kube = kube
        self._personal = personal
        self._clock = clock
        self._repositories = Repositories(kube, clock=clock, home=home)
        self._secrets: Remembering[tuple[str, str], Object] = Remembering(self._read_secret, clock=clock)
        self._regions: Remembering[str, str] = Remembering(region_of, clock=clock, seconds=_SELDOM_SECONDS)
        self._vouching: Remembering[str, str] = Remembering(vouching_for, clock=clock, seconds=_NOT_OFTEN_SECONDS)
        self._stores: Remembering[Bucket, Store] = Remembering(_store_of, clock=clock)

    async def repository(self, workflow: Object, spec: Tree) -> Repository:
        """Where artifacts of this workflow go that name no place. Raises SpecError, Unavailable."""
        return await self._repositories.find(workflow, spec)

    async def signed(self, assignment: Assignment, repository: Repository, *, namespace: str) -> Assignment:
        """The assignment with a `url` for every artifact. Raises SpecError where one cannot be had, Unavailable for now."""
        one = _Signing(self, repository, namespace, pods_take_secrets=True)
        inputs = await asyncio.gather(*(one.input(item) for item in assignment.artifacts_in))
        outputs = await asyncio.gather(*(one.output(item) for item in assignment.artifacts_out))
        logs = await one.output(assignment.logs) if assignment.logs else None
        return replace(assignment, artifacts_in=tuple(item for items in inputs for item in items), artifacts_out=tuple(outputs),
                       logs=logs, authorities="".join(sorted(one.authorities)))

    async def signed_where_known(self, assignment: Assignment, *, namespace: str) -> Assignment:
        """The same for those that name a store of their own, if the namespace has its secrets; the others stay as they are.

        Raises SpecError for an artifact over HTTP that cannot be had, Unavailable.
        """
        one = _Signing(self, Repository(location={}), namespace)
        inputs = await asyncio.gather(*(self._known(one.input, item) for item in assignment.artifacts_in))
        outputs = await asyncio.gather(*(self._known(one.output_without_form, item) for item in assignment.artifacts_out))
        return replace(assignment, artifacts_in=tuple(item for items in inputs for item in items),
                       artifacts_out=tuple(item for items in outputs for item in items))

    async def _known(self, sign: Callable[[Artifact], Awaitable[Iterable[Artifact]]], artifact: Artifact) -> Iterable[Artifact]:
        if not leaves_nothing_open(artifact.location):
            return [artifact]
        try:
            return await sign(artifact)
        except SpecError:
            if "http" in artifact.location:
                raise
            return [artifact]

    async def store(self, location: Tree, repository: Repository, *, namespace: str, where: str) -> tuple[Store, str]:
        """The store that an s3 location is in, and its key there. Raises SpecError, Unavailable."""
        place = completed(location, repository.location).get("s3")
        if place is None:
            raise SpecError(where, f"is kept in '{location_of(location)}', which cannot be reached yet; use s3")
        _refuse_unknown(place, where)
        _check_bucket(place, where)
        credentials = await self._credentials(place, repository, namespace, where)
        region = str(place.get("region") or "")
        if not region:
            amazon = is_amazon(str(place.get("endpoint") or ""))
            region = await self._regions.get(str(place["bucket"])) if amazon else "us-east-1"
        authorities = await self.secret(place["caSecret"], namespace, where) if place.get("caSecret") else ""
        bucket = read_bucket(place, where=where, region=region, credentials=credentials, authorities=authorities)
        try:
            store = await self._stores.get(bucket)
        except ValueError as error:  # certificates that are none, a bucket's name that cannot be one
            raise SpecError(where, f"is kept in a store that cannot be used: {error}") from error
        return store, check_key(own_key({"s3": place}), where)

    async def authorities_for(self, url: str) -> str:
        """Who vouches for the server behind a URL, for pods whose images know nobody."""
        if not url.startswith("https://"):
            return ""
        server = url.removeprefix("https://").partition("/")[0]
        return of_amazon() if is_amazon(server) else await self._vouching.get(server)

    async def _credentials(self, place: Tree, repository: Repository, namespace: str, where: str) -> Credentials | None:
        if place.get("accessKeySecret") and place.get("secretKeySecret"):
            fields = ("accessKeySecret", "secretKeySecret", "sessionTokenSecret")
            return Credentials(*[
                (await self.secret(place[field], namespace, where)).strip() if place.get(field) else "" for field in fields])
        if self._personal:
            return None
        own = repository.location.get("s3") or {}
        if repository.default and all(place.get(field) == own.get(field) for field in ("bucket", "endpoint", "region")):
            return None
        raise SpecError(where, "names no accessKeySecret and secretKeySecret; the controller lends its own credentials only to "
                        "the repository in its own configuration, since anybody could borrow them elsewhere")

    async def secret(self, selector: Tree, namespace: str, where: str) -> str:
        """The text under a key of a Secret. Raises SpecError."""
        name, key = str(selector.get("name") or ""), str(selector.get("key") or "")
        try:
            secret = await self._secrets.get((namespace, name))
        except NotFound as error:
            raise SpecError(where, f"needs Secret {name}, which is not in namespace {namespace}") from error
        except Forbidden as error:
            raise SpecError(where, f"needs Secret {name}, which the controller may not read in namespace {namespace}: grant it "
                            f"`get` on secrets there ({error})") from error
        try:
            return base64.b64decode((secret.get("data") or {})[key]).decode()
        except KeyError as error:
            known = ", ".join(sorted(secret.get("data") or {})) or "none"
            raise SpecError(where, f"needs key '{key}' of Secret {name}, which has: {known}") from error
        except (binascii.Error, UnicodeDecodeError) as error:
            raise SpecError(where, f"needs key '{key}' of Secret {name}, which is no text") from error

    async def _read_secret(self, key: tuple[str, str]) -> Object:
        namespace, name = key
        return await self._kube.get(SECRETS, name, namespace=namespace)

    @property
    def now(self) -> float:
        """What time it is."""
        return self._clock.now()


class _Signing:
    """The artifacts of one pod, which may take credentials for servers that are none of S3 from Secrets itself."""

    def __init__(self, signer: Signer, repository: Repository, namespace: str, *, pods_take_secrets: bool = False) -> None:
        self._pods_take_secrets = pods_take_secrets
        self._signer = signer
        self._repository = repository
        self._namespace = namespace
        self.authorities: set[str] = set()

    async def input(self, artifact: ArtifactIn) -> Iterable[ArtifactIn]:
        """The artifact with its URL; a folder of objects becomes one artifact for each."""
        where = f"inputs.artifacts.{artifact.name}"
        if "http" in artifact.location:
            url, headers = await self._http(artifact.location["http"], where)
            return [replace(artifact, url=url, headers=headers)]
        store, key = await self._store(artifact.location, where)
        files = await _files(store, key, where) if _may_be_folder(artifact) else []
        if not files:
            return [replace(artifact, key=key, url=await store.sign("GET", key))]
        chosen = artifact.sub_path.strip("/")
        files = [name for name in files if not chosen or name == chosen or name.startswith(f"{chosen}/")]
        if not files and not artifact.optional:
            raise SpecError(where, f"is a folder of objects without '{chosen}' (subPath)")
        return [
            replace(artifact, key=f"{key}/{name}", url=await store.sign("GET", f"{key}/{name}"), sub_path="", archive="none",
                    path="/".join(part for part in (artifact.path.rstrip("/"), name[len(chosen):].lstrip("/")) if part))
            for name in files]

    async def output(self, artifact: ArtifactOut) -> ArtifactOut:
        """The artifact with its URL; one that is not packed may be a folder, so it gets a form for many files too."""
        where = f"outputs.artifacts.{artifact.name}"
        if "http" in artifact.location:
            url, headers = await self._http(artifact.location["http"], where)
            return replace(artifact, url=url, headers=headers)
        store, key = await self._store(artifact.location, where)
        whole = replace(artifact, key=key, url=await store.sign("PUT", key))
        credentials = store.bucket.credentials
        if artifact.archive != "none" or not artifact.path or credentials is None:
            return whole
        form = upload_form(store.bucket, credentials, f"{key}/", now=self._signer.now, expires_seconds=EXPIRES_SECONDS)
        return replace(whole, form_url=f"{store.bucket.base_url}/", form=form)

    async def output_without_form(self, artifact: ArtifactOut) -> Iterable[ArtifactOut]:
        """The same as a list, for a folder that is packed in any case."""
        return [replace(await self.output(artifact), form_url="", form=())]

    async def _store(self, location: Tree, where: str) -> tuple[Store, str]:
        store, key = await self._signer.store(location, self._repository, namespace=self._namespace, where=where)
        self.authorities.add(store.bucket.authorities or await self._signer.authorities_for(store.bucket.base_url))
        return store, key

    async def _http(self, place: Tree, where: str) -> tuple[str, tuple[str, ...]]:
        auth = place.get("auth") or {}
        if auth.get("clientCert") or auth.get("oauth2"):
            raise SpecError(f"{where}.http.auth", "can be basicAuth only; write a header with a token, or fetch it in the step")
        headers = [f"{header.get('name')}: {header.get('value')}" for header in place.get("headers") or ()]
        if auth.get("basicAuth"):
            basic = auth["basicAuth"]
            pair = [await self._signer.secret(basic[field], self._namespace, where) if basic.get(field) else ""
                    for field in ("usernameSecret", "passwordSecret")]
            if not self._pods_take_secrets:
                headers.append(f"Authorization: Basic {base64.b64encode(':'.join(pair).encode()).decode()}")
        if any(not header.isprintable() for header in headers):
            raise SpecError(f"{where}.http.headers", "hold a line break or another control character")
        url = str(place.get("url") or "")
        self.authorities.add(await self._signer.authorities_for(url))
        return url, tuple(headers)


async def _store_of(bucket: Bucket) -> Store:
    return Store(bucket)


def _check_bucket(place: Tree, where: str) -> None:
    if not place.get("bucket"):
        raise SpecError(where, "names no bucket, and no artifact repository is configured; give the s3 location a bucket "
                        "and an endpoint, or configure a repository (docs/artifacts.md)")


def _refuse_unknown(place: Tree, where: str) -> None:
    """What would change the outcome and cannot be done is told rather than left out."""
    if place.get("roleARN"):
        raise SpecError(f"{where}.s3.roleARN", "cannot be assumed yet; give keys that may use the bucket")
    encryption = place.get("encryptionOptions") or {}
    for name in ("kmsKeyId", "serverSideCustomerKeySecret"):
        if encryption.get(name):
            raise SpecError(f"{where}.s3.encryptionOptions.{name}", "cannot be set yet; make it the default of the bucket")


def _may_be_folder(artifact: ArtifactIn) -> bool:
    return artifact.archive in ("", "none") and not artifact.key.endswith(_PACKED)


async def _files(store: Store, key: str, where: str) -> list[str]:
    """The files of a folder of objects by their names in it; none where the key is an object itself."""
    found = await store.keys_below(key, most=_FILES_MOST + 1)
    names = [name for name in (path.removeprefix(f"{key}/") for path in found if path.startswith(f"{key}/")) if name]
    if not names or await store.holds(key):
        return []
    if len(names) > _FILES_MOST:
        raise SpecError(where, f"is a folder of more than {_FILES_MOST} objects; store it packed (archive: tar)")
    for name in names:
        check_key(name, where)
    return names
