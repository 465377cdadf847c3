"""Workers for independent pieces that are Ray's actors, on this machine or on a cluster; needs `ray`."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from importlib import import_module
from socket import create_connection
from typing import Any

from antigrad.core.errors import AntigradError
from antigrad.core.workers import ONE_THREAD, Outcome, Server

Job = tuple[Callable[[Any, Any], Any], Callable[[], Any] | None]


class RayWorkers:
    """Actors with one core and one thread each.

    Args:
        size: How many at most; fewer where the cluster is smaller.
        job: Two functions, see `Server`.
        address: Of a cluster that runs; empty for Ray on this machine, or where `RAY_ADDRESS` says.
        gpus: CUDA devices of each, which it sees as its only ones; 0.25 shares one device among four.

    Raises:
        AntigradError: There is no such cluster, or it lacks the devices.
    """

    def __init__(self, size: int, job: Job, *, address: str, gpus: float) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Ray's own deprecations.
            self._ray: Any = import_module("ray")
        self._actors: list[Any] = []
        self._busy: dict[Any, int] = {}
        # Who has started Ray ends it.
        self._ours = not self._ray.is_initialized()
        try:
            address = address or os.environ.get("RAY_ADDRESS", "")
            if self._ours:
                self._start(size, address)
            self.size = self._fitting(size, gpus)
            needs = {"num_cpus": 1, "max_restarts": 0, "runtime_env": {"env_vars": self._environment(address)}}
            kind = self._ray.remote(**needs, **({"num_gpus": gpus} if gpus else {}))(Server)
            pickled = self._ray.cloudpickle.dumps(job)
            self._actors = [kind.remote(pickled) for _ in range(self.size)]
        except BaseException:
            self.close()
            raise

    def _start(self, size: int, address: str) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        quiet = {"log_to_driver": False, "logging_level": "ERROR"}
        if not address:
            self._ray.init(address="local", num_cpus=size, include_dashboard=False, **quiet)
            return
        try:
            _knock(address)
            self._ray.init(address=address, **quiet)
        except (OSError, RuntimeError, ValueError) as error:
            reason = str(error).strip().splitlines()[0][:200]
            raise AntigradError(
                f"no Ray cluster at {address!r} ({reason})",
                "the address of one that runs, or auto",
                "start one with `ray start --head`, or leave the address out",
            ) from error

    def _environment(self, address: str) -> dict[str, str]:
        # On this machine a worker finds the modules that this process finds; a cluster has its own.
        here = self._ours and not address
        return ONE_THREAD | ({"PYTHONPATH": os.pathsep.join(filter(None, sys.path))} if here else {})

    def _fitting(self, size: int, gpus: float) -> int:
        # An actor for which there is no room waits for ever.
        has: dict[str, float] = self._ray.cluster_resources()
        rooms = {"CPU": has.get("CPU", 0.0)}
        if gpus:
            devices = has.get("GPU", 0.0)
            rooms["GPU"] = devices // gpus if gpus >= 1 else devices * int(1 / gpus + 1e-9)
        least = min(rooms, key=lambda name: rooms[name])
        if rooms[least] < 1:
            raise AntigradError(
                f"Ray has {has.get(least, 0.0):g} {least}s for workers of {gpus if least == 'GPU' else 1:g}",
                "room for one worker at least",
                "choose another cluster" + (", or the device cpu" if least == "GPU" else ""),
            )
        return min(size, int(rooms[least]))

    def give(self, worker: int, given: Any) -> None:
        """See `Crew`.

        Args:
            worker: Number of an idle worker.
            given: The piece.
        """
        self._busy[self._actors[worker].answer.remote(given)] = worker

    def take(self) -> tuple[int, Outcome]:
        """See `Crew`.

        Returns:
            Number of a worker and what came out.
        """
        (ready, *_), _ = self._ray.wait(list(self._busy), num_returns=1)
        worker = self._busy.pop(ready)
        try:
            return worker, self._ray.get(ready)
        except self._ray.exceptions.RayTaskError as error:
            return worker, ("failed", error)
        except self._ray.exceptions.RayError as error:
            return worker, ("died", str(error).strip().splitlines()[0])

    def close(self) -> None:
        """See `Crew`."""
        for actor in self._actors:
            self._ray.kill(actor)
        if self._ours and self._ray.is_initialized():
            self._ray.shutdown()


def _knock(address: str) -> None:
    # Ray itself tries for minutes to reach a machine where nothing answers.
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if host and port.isdigit():
        create_connection((host.strip("[]"), int(port)), timeout=10).close()
