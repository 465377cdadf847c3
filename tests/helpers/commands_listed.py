"""Names of commands for parametrised tests."""

from antigrad.cli.jobs import Job


def ids(job: Job) -> str:
    """What is typed."""
    return " ".join(job.words)
