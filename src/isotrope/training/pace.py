"""The progress of a run, and the learning rate that follows from it."""

from __future__ import annotations

from isotrope.training.recipe import RunConfig, ScheduleConfig
from isotrope.training.schedule import rate


class Pace:
    """Examples seen, seconds spent, and the share of the run that they make up.

    Args:
        epoch: Number of examples in a finite set; None: the examples have no end.

    Attributes:
        begun: The examples and seconds at which the schedule began.

    Raises:
        ValueError: The schedule counts epochs, and the examples have no end.
    """

    def __init__(self, schedule: ScheduleConfig, epoch: int | None) -> None:
        if schedule.epochs is not None and not epoch:
            raise ValueError(
                f"schedule.epochs={schedule.epochs:g}: the examples of this task are drawn "
                "without end; give schedule.examples or schedule.minutes"
            )
        self.schedule, self.epoch = schedule, epoch
        by_epochs = None if schedule.epochs is None else schedule.epochs * (epoch or 0)
        limits = [limit for limit in (schedule.examples, by_epochs) if limit is not None]
        self.limit = min(limits, default=None)  # number of examples
        self.examples, self.seconds = 0, 0.0
        self.begun = (0, 0.0)

    @property
    def progress(self) -> float:
        """The share of the run that is done, in [0, 1]."""
        return self._progress_at(self.examples)

    @property
    def left(self) -> float:
        """Estimated number of seconds left."""
        done, spent = self.progress, self.seconds - self.begun[1]
        return spent * (1 - done) / done if done else float("inf")

    def learning_rate(self, seen: int) -> float:
        """The fraction of the full learning rate for the step that ends at `seen` examples."""
        # At the middle of the step, so that a run of a single step learns too.
        progress, schedule = self._progress_at((self.examples + seen) / 2), self.schedule
        return rate(progress, schedule.warmup, schedule.final, schedule.cooldown, schedule.fall)

    def due(self, run: RunConfig, before: int, validated: float) -> bool:
        """Whether a validation is due.

        Args:
            before: Number of examples seen at the previous call.
            validated: Training time in seconds at the last validation.
        """
        every = [run.validate_examples]
        if run.validate_epochs and self.epoch:
            every.append(round(run.validate_epochs * self.epoch))
        if any(count and before // count < self.examples // count for count in every):
            return True
        minutes = run.validate_minutes
        return minutes is not None and self.seconds - validated > 60 * minutes

    def restore(self, examples: int, seconds: float, begun: tuple[int, float]) -> None:
        """Continue from this point; a schedule with `anew` restarts here."""
        self.examples, self.seconds = examples, seconds
        self.begun = (examples, seconds) if self.schedule.anew else (begun[0], begun[1])

    def _progress_at(self, examples: float) -> float:
        minutes, done = self.schedule.minutes, 0.0
        if self.limit is not None:
            done = (examples - self.begun[0]) / self.limit
        if minutes is not None:
            done = max(done, (self.seconds - self.begun[1]) / 60 / minutes)
        return min(1.0, done)
