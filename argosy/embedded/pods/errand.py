"""A pod of a ``resource`` or ``http`` template: what it is to do is done here, and no program is started.

It is a pod all the same, with a status, a log, a deadline and a deletion. What was begun is on disk before it is done and
its end before it is told, so that a runtime that starts anew neither makes an object twice nor forgets one.
"""

import asyncio
import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from argosy.embedded.pods.life import Life
from argosy.embedded.pods.outcome import stage
from argosy.embedded.pods.plan import assignment_of
from argosy.embedded.pods.shim import record
from argosy.embedded.pods.shim.logfile import LogFile
from argosy.embedded.pods.status import running_status
from argosy.kube.contract import NotFound, Object
from argosy.kube.resources import SECRETS
from controller.artifacts.contract import ArtifactError
from controller.pods.assignment import Assignment, Handover, Header
from controller.requests.judging import RESULT_MOST, verdict
from controller.requests.making import make_request
from controller.resources.carrying_out import carry_out
from controller.resources.contract import WorkFailed

_RECORD = "errand.json"
_FAILED = 64  # the exit code of Argo's own program where the work of a resource template fails
_TOLD_TO_END = 143
_DEADLINE = "Pod was active on the node longer than the specified deadline"

Tree = Mapping[str, Any]


class Errand(Life):
    """Carries one such Pod through."""

    needs_process = False

    async def _begin(self) -> None:
        """Read what was done before, or record that it begins now."""
        self._assignment = assignment_of(self.pod) or Assignment()
        self._known: dict[str, Any] = await self._in_thread(record.read, str(self.folder), _RECORD) or {}
        self._is_new = not self._known
        if self._is_new:
            await self._in_thread(self._make_folder)
            await self._record(began=self._around.clock.now())
        self._tell_state({"state": "running", "started_at": self._known["began"]}, phase="Running")

    async def _follow(self) -> None:
        """Do it, unless that was done already, until its end, the deadline or the pod's deletion."""
        if "ended" in self._known:
            return
        await self._write(self._status())
        async with asyncio.TaskGroup() as group:
            work = group.create_task(self._work())
            stopped = group.create_task(self._stopped.wait())
            late = group.create_task(self._deadline())
            await asyncio.wait([work, stopped, late], return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                reason = "" if stopped.done() else "DeadlineExceeded"
                await self._end(_TOLD_TO_END, reason=reason, message=_DEADLINE if reason else "")
            for task in (work, stopped, late):
                task.cancel()

    async def _finish(self) -> None:
        """Write its end."""
        ended = self._known["ended"]
        code, reason = ended["code"], ended["reason"]
        self._tell_state({
            "state": "terminated", "exit_code": code, "reason": "Error" if code else "Completed", "signal": 0,
            "message": ended["message"], "started_at": self._known["began"], "finished_at": ended["at"],
        }, phase="Ended", failed=code != 0, reason=reason, message=ended["message"] if reason else "")
        await self._write(self._status())

    async def _work(self) -> None:
        log = await self._in_thread(LogFile, f"{self.logs}/{self._assignment.container}.log")
        try:
            handover = await (self._act(log) if self._assignment.work else self._ask(log))
        except (WorkFailed, ArtifactError, OSError) as error:
            handover = Handover(message=str(error))
        if handover.message:
            log.write("stderr", f"{handover.message}\n".encode())
        log.close()
        await self._end(_FAILED if handover.message else 0, message=handover.to_json())

    async def _act(self, log: LogFile) -> Handover:
        """Work on an object."""
        work = self._assignment.work
        assert work is not None, "asked for only where there is such work"
        manifest = await self._in_thread(self._manifest)
        found = await carry_out(
            self._around.kube, work, manifest=manifest, kinds=self._around.kinds, clock=self._around.clock,
            say=lambda text: log.write("stdout", f"{text}\n".encode()),
            again_since=None if self._is_new else self._known["began"])
        return Handover(parameters=found)

    async def _ask(self, log: LogFile) -> Handover:
        """Make a request; what was answered is the result, also where that is no success."""
        work = self._assignment.request
        assert work is not None, "asked for only where there is a request"
        reply = await make_request(work, secret=self._secret)
        log.write("stdout", reply.body)
        return Handover(result=reply.text[-RESULT_MOST:], message=verdict(work, reply))

    async def _secret(self, _number: int, header: Header) -> str:
        try:
            found = await self._around.kube.get(SECRETS, header.secret, namespace=self.namespace)
            return base64.b64decode(found["data"][header.key]).decode()
        except (NotFound, KeyError, ValueError) as error:
            raise WorkFailed(f"header {header.name}: there is no key '{header.key}' in a Secret '{header.secret}'") from error

    def _manifest(self) -> str:
        """The manifest's text: the template's own, or that of an input artifact."""
        work = self._assignment.work
        assert work is not None, "a pod without such work is no errand"
        if not work.manifest_path:
            return work.manifest
        for item in stage(self._assignment, self.folder, self._around.artifacts, None):
            if item["path"] == work.manifest_path:
                return Path(self.folder, "staged", item["source"]).read_text()
        raise ArtifactError(f"there is no artifact at {work.manifest_path}, where the manifest should be")

    async def _deadline(self) -> None:
        """Until the pod's time is over."""
        limit = self.pod["spec"].get("activeDeadlineSeconds")
        if limit is None:
            await asyncio.Event().wait()
        await self._around.clock.sleep(self._known["began"] + limit - self._around.clock.now())

    async def _end(self, code: int, *, message: str, reason: str = "") -> None:
        await self._record(ended={"code": code, "message": message, "reason": reason, "at": self._around.clock.now()})

    async def _record(self, **parts: Any) -> None:
        self._known |= parts
        known = dict(self._known)
        await self._in_thread(lambda: record.write(
            str(self.folder), _RECORD, known, durable=self._around.host.durable))

    def _tell_state(self, member: dict[str, Any], *, phase: str, failed: bool = False, reason: str = "",
                    message: str = "") -> None:
        """The state in a shim's words, which status and logs are read from."""
        whole = {"restarts": 0, "ready": phase == "Running", "started": phase == "Running", **member}
        self.state = {"phase": phase, "failed": failed, "reason": reason, "message": message, "assigned": "",
                      "began": self._known["began"], "containers": {self._assignment.container: whole}}
        self._tell_change()

    def _status(self) -> Object:
        assert self.state is not None, "an errand that has begun has a state"
        return running_status(self.pod, self.state, isolation=self._around.host.isolation)
