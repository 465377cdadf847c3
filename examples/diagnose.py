"""The preflight from Python: run it, read the ledger, write the report.

python examples/diagnose.py [FOLDER [MODEL TASKS]]
"""

import sys
from pathlib import Path

from antigrad.posttraining.diagnose import DiagnoseConfig, diagnose
from antigrad.posttraining.diagnose.findings import arm_table
from antigrad.report import write_report


def main(folder: str = "runs/example", model: str = "smollm2-135m-instruct", tasks: str = "products") -> None:
    config = DiagnoseConfig(
        model=model,
        tasks=tasks,
        questions=3,
        arms=["none", "positives_only", "nthr(eta=0,anchor=others)"],
        step_sizes=[1e-5],
        output=Path(folder),
        resume=True,
    )
    run = diagnose(config)

    # A row a question and a row an update, as they were written.
    for row in run.ledger.rows("question"):
        print(f"{row['status']:11} {row['greedy']['text']!r}, answer {row['answer']!r}" if "greedy" in row else row)

    # What they add up to: mean change of ln π of the correct answers, in nats.
    for line in arm_table(run.ledger.rows("update"), baseline="none", epsilon=config.epsilon):
        print(f"{line['arm']:28} {line['delta_correct']:+.3f} ± {line['delta_correct_se']:.3f}")

    print(write_report(run))


if __name__ == "__main__":
    main(*sys.argv[1:])
