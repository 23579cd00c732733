"""Carry out many tasks side by side: on the cores of this machine, or on a Dask cluster."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import current_thread, main_thread
from typing import Any, TypeVar

from tinygrad_hw.errors import InputError

T = TypeVar("T")
CONNECT_SECONDS = 10


class WorkerError(InputError):
    """The error of workers that are not there, or have not done their tasks."""


def side_by_side(
    function: Callable[[Any, Any], T],
    shared: Any,
    tasks: Sequence[Any],
    jobs: int | None = None,
    address: str | None = None,
) -> Iterator[tuple[int, T]]:
    """Call a function for each task; yield the places of the tasks and the results as they come.

    Parameters
    ----------
    function
        A function of a module, called as ``function(shared, task)``.
    shared
        What all tasks need: it goes to each worker once.
    tasks
        What the function is called with.
    jobs
        Number of processes; None is one for each core, 1 is none but this one.
    address
        The address of a Dask scheduler; the tasks go to its cluster then. A task whose worker dies
        is done again by another.

    Raises
    ------
    WorkerError
        If the library for it is missing, if the scheduler does not answer, or if workers keep
        dying.
    """
    if address is not None:
        yield from _on_cluster(function, shared, tasks, address)
        return
    jobs = min(jobs or cores(), len(tasks))
    if jobs <= 1:
        yield from ((i, function(shared, task)) for i, task in enumerate(tasks))
        return
    yield from _on_cores(function, shared, tasks, jobs)


def in_order(results: Iterable[tuple[int, T]]) -> Iterator[T]:
    """Yield results in the order of their tasks, each as soon as all before it are there."""
    waiting: dict[int, T] = {}
    following = 0
    for place, result in results:
        waiting[place] = result
        while following in waiting:
            yield waiting.pop(following)
            following += 1


@contextmanager
def ctrl_c_blocked() -> Iterator[None]:
    """Block Ctrl-C for processes that are started meanwhile; raise it here at the end.

    A new process inherits the signals that are blocked, but no handlers.
    """
    if current_thread() is not main_thread() or not hasattr(signal, "pthread_sigmask"):
        yield
        return
    received: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, frame: received.append(number))
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        signal.signal(signal.SIGINT, handler)
    if received:
        raise KeyboardInterrupt


def cores() -> int:
    """Count the processors that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _on_cores(
    function: Callable[[Any, Any], T], shared: Any, tasks: Sequence[Any], jobs: int
) -> Iterator[tuple[int, T]]:
    try:
        from joblib import Parallel, delayed
        from joblib.externals.loky.process_executor import TerminatedWorkerError
    except ImportError:
        raise WorkerError(
            "joblib is not installed, and is needed for several processes: "
            "pip install 'tinygrad_hw[sweep]', or give --jobs 1"
        ) from None
    parallel = Parallel(n_jobs=jobs, return_as="generator_unordered", pre_dispatch=jobs)
    calls = (
        delayed(_numbered)(function, shared, i, task, os.getpid()) for i, task in enumerate(tasks)
    )
    results: Any = None
    try:
        results = parallel(calls)
        for result in results:  # noqa: UP028 - "yield from" would close it before the last lines
            yield result
    except TerminatedWorkerError:
        raise WorkerError(
            "a process of the work has been killed, perhaps for want of memory; give fewer --jobs"
        ) from None
    finally:
        if results is not None:
            with warnings.catch_warnings(action="ignore"):  # that something was left undone
                results.close()  # ends what is being done: nobody waits for it after Ctrl-C


def _numbered(
    function: Callable[[Any, Any], T], shared: Any, place: int, task: Any, parent: int
) -> tuple[int, T]:
    end_with(parent)
    if current_thread() is main_thread():  # Ctrl-C is for the parent, which ends this process
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    return place, function(shared, task)


_parents: set[int] = set()  # in a worker: the processes that it ends with


def end_with(parent: int) -> None:
    """Make this process end, whatever it does, soon after its parent has been killed.

    A parent that ends in any other way ends its workers itself. On Windows this does nothing, since
    a process there never learns that its parent is no more.
    """
    if os.name == "posix" and parent not in _parents:
        _parents.add(parent)
        threading.Thread(target=_wait_for_the_end_of, args=(parent,), daemon=True).start()


def _wait_for_the_end_of(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)  # at once: there is nobody to hand a result to


def _on_cluster(
    function: Callable[[Any, Any], T], shared: Any, tasks: Sequence[Any], address: str
) -> Iterator[tuple[int, T]]:
    try:
        import distributed
        from distributed.client import FutureCancelledError
        from distributed.scheduler import KilledWorker
    except ImportError:
        raise WorkerError(
            "distributed is not installed, and is needed for --dask: "
            "pip install 'tinygrad_hw[cluster]'"
        ) from None
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # what it says is raised
    connect: Any = distributed.Client
    finished: Any = distributed.as_completed
    try:
        with ThreadPoolExecutor(1) as apart:  # a notebook's own thread has a loop already
            apart.submit(asyncio.run, _ask_scheduler(address)).result()
        client = connect(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise WorkerError(
            f"--dask is {address!r}: no scheduler answers there ({type(error).__name__}); start "
            "one with dask scheduler, and give the address that it prints"
        ) from None
    with client, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sending large graph")  # once, and not for each task
        # The result of a task and not scattered: it is made again if its workers die.
        everywhere = client.submit(_same, shared, pure=False)
        places = {
            client.submit(function, everywhere, task, pure=False): i for i, task in enumerate(tasks)
        }
        try:
            for future in finished(places, loop=client.loop):
                yield places[future], future.result()
        except KilledWorker:
            raise WorkerError(
                "workers of the cluster die again and again at one task, perhaps for want of "
                "memory; look at their logs"
            ) from None
        except FutureCancelledError:
            raise WorkerError(
                f"the connection to {address} is lost; start the command again when it is back"
            ) from None
        except InputError:
            raise
        except Exception as error:  # what a worker lacks, for one: this package, memory
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            raise WorkerError(
                f"a worker of the cluster has failed at a task ({reason}); it needs this package "
                "and its libraries in the same versions"
            ) from error


async def _ask_scheduler(address: str) -> None:
    """Ask a scheduler for its name: a client that fails to connect leaves a thread behind."""
    import distributed

    connect: Any = distributed.rpc
    async with connect(address, timeout=CONNECT_SECONDS) as scheduler:
        await scheduler.identity()


def _same(shared: Any) -> Any:
    return shared
