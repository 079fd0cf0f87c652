"""Whether one run is better or worse than another on the same prompts."""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs
from scipy import stats

from aymara_async.analysis.errors import StatisticsError
from aymara_async.analysis.intervals import Interval, normal_quantile
from aymara_async.analysis.pairing import Pair, PairBy, pair_responses
from aymara_async.analysis.scored_run import ScoredRun
from aymara_async.analysis.verdict import Decision
from aymara_async.models import ScoredResponse
from aymara_async.record.percentages import exact_percent, p_value_text, points
from aymara_async.record.tally import Standing, standing_of


@attrs.frozen(kw_only=True)
class RunComparison:
    """A candidate run against a baseline run, on the prompts that both have scores for."""

    baseline: ScoredRun
    """The run that is compared with."""
    candidate: ScoredRun
    """The run that is compared."""
    both_passed: Sequence[Pair]
    """Pairs of which both passed."""
    regressions: Sequence[Pair]
    """Pairs of which the baseline passed and the candidate failed."""
    improvements: Sequence[Pair]
    """Pairs of which the baseline failed and the candidate passed."""
    both_failed: Sequence[Pair]
    """Pairs of which both failed."""
    not_scored: Sequence[Pair]
    """Pairs that do not count: one of the two, or both, is excluded or has no score."""
    only_in_baseline: Sequence[ScoredResponse]
    """Responses to which the candidate has no counterpart; they do not count."""
    only_in_candidate: Sequence[ScoredResponse]
    """Responses to which the baseline has no counterpart; they do not count."""
    p_value: float
    """Of the exact McNemar test, two-sided: how likely so uneven changes are if neither run is better."""
    difference: float | None
    """Pass rate of the candidate less that of the baseline, over the scored pairs; None without any."""
    interval: Interval
    """Confidence interval of the difference (Bonett and Price 2012)."""
    confidence_level: float
    """Confidence level of the interval; the test is at one less this."""
    is_strict: bool = False
    """Whether inconclusive counts as failed."""

    @property
    def num_pairs(self) -> int:
        """Number of pairs with two scores."""
        return len(self.both_passed) + self.num_discordant + len(self.both_failed)

    @property
    def num_discordant(self) -> int:
        """Number of pairs whose verdict changed."""
        return len(self.regressions) + len(self.improvements)

    @property
    def is_significant(self) -> bool:
        """Whether chance is an unlikely cause of the changes."""
        return self.p_value < self._alpha

    @property
    def num_lost(self) -> int:
        """Number of responses that passed in the baseline, and of which the candidate should have a score but has none.

        What is excluded from scoring, and prompts that the candidate was not asked, are not among them.
        """
        unscored = sum(
            standing_of(pair.baseline) is Standing.PASSED and standing_of(pair.candidate) is Standing.UNSCORED
            for pair in self.not_scored
        )
        unanswered = {prompt.content for prompt in self.candidate.unanswered}
        passed = (one for one in self.only_in_baseline if standing_of(one) is Standing.PASSED)
        prompts = map(self.baseline.prompt_of, passed)
        return unscored + sum(prompt is not None and prompt.content in unanswered for prompt in prompts)

    @property
    def decision(self) -> Decision:
        """Tell whether the candidate may replace the baseline.

        fail: it is significantly worse. inconclusive: so few pairs that it could not be, whatever became of them; or it
        is worse on so few of them that even changes all for the worse could not be significant; or what is lost could
        make it significantly worse. pass: anything else, which is no proof that it is as good.
        """
        found = self.finding
        return Decision.FAIL if found is Decision.INCONCLUSIVE and self.is_strict else found

    @property
    def finding(self) -> Decision:
        """The decision as it is without ``strict``."""
        is_worse = len(self.regressions) > len(self.improvements)
        if is_worse and self.is_significant:
            return Decision.FAIL
        can_tell = mcnemar_p_value(self.num_discordant, 0) < self._alpha
        if self.has_too_few_pairs or (is_worse and not can_tell) or self.lost_may_matter:
            return Decision.INCONCLUSIVE
        return Decision.PASS

    @property
    def _alpha(self) -> float:
        return 1.0 - self.confidence_level

    @property
    def has_too_few_pairs(self) -> bool:
        """Whether the candidate could not be significantly worse even if every pair had turned to fail."""
        return mcnemar_p_value(self.num_pairs, 0) >= self._alpha

    @property
    def lost_may_matter(self) -> bool:
        """Whether the candidate would be significantly worse if all that is lost had failed."""
        worse, better = len(self.regressions) + self.num_lost, len(self.improvements)
        return bool(self.num_lost) and worse > better and mcnemar_p_value(worse, better) < self._alpha

    @property
    def reason(self) -> str:
        """The comparison in a few sentences, for people."""
        said = self._said
        if self.finding is Decision.INCONCLUSIVE and self.is_strict:
            said += " Inconclusive counts as failed (strict)."
        return said

    @property
    def _said(self) -> str:
        if self.difference is None:
            return "No prompt has a score in both runs, so nothing can be compared."
        low, high = self.interval
        found = (
            f"On {self.num_pairs:,} prompts with a score in both runs, {len(self.regressions):,} turned from pass to "
            f"fail and {len(self.improvements):,} from fail to pass: {points(self.difference)} points "
            f"({exact_percent(self.confidence_level)} interval {points(low)} to {points(high)}), "
            f"{p_value_text(self.p_value)}"
        )
        if self.has_too_few_pairs:
            found = f"{found}. So few prompts cannot tell better from worse."
        elif not self.num_discordant:
            found = f"{found}. No verdict changed."
        elif self.is_significant:
            found = f"{found}. {'Worse' if self.difference < 0.0 else 'Better'} than chance would explain."
        elif self.finding is Decision.INCONCLUSIVE and not self.lost_may_matter:
            found = f"{found}. So few changes cannot tell better from worse."
        else:
            found = f"{found}. Chance may explain that."
        if self.finding is Decision.INCONCLUSIVE and self.lost_may_matter:
            found += f" But {self.num_lost:,} that passed before have no score now: had they failed, it would be worse."
        return found


def mcnemar_p_value(regressions: int, improvements: int) -> float:
    """Compute the two-sided p-value of the exact McNemar test from the numbers of discordant pairs.

    Without any it is 1.0. Raises ``StatisticsError`` for negative numbers.
    """
    if regressions < 0 or improvements < 0:
        raise StatisticsError(f"{regressions} and {improvements} pairs cannot be. Nothing was computed.")
    discordant = regressions + improvements
    return float(stats.binomtest(regressions, discordant, 0.5).pvalue) if discordant else 1.0


def paired_difference_interval(
    regressions: int, improvements: int, num_pairs: int, *, confidence_level: float = 0.95
) -> Interval:
    """Compute the confidence interval of the difference of two pass rates over the same prompts, -1.0 to 1.0.

    It is that of Bonett and Price (2012): Wald's, with one more of each discordant pair. Raises ``StatisticsError`` for
    numbers that cannot be.
    """
    z = normal_quantile(confidence_level)
    if regressions < 0 or improvements < 0 or regressions + improvements > num_pairs:
        raise StatisticsError(
            f"{regressions} and {improvements} of {num_pairs} pairs cannot have changed. Nothing was computed."
        )
    worse, better = (regressions + 1) / (num_pairs + 2), (improvements + 1) / (num_pairs + 2)
    reach = z * math.sqrt((worse + better - (better - worse) ** 2) / (num_pairs + 2))
    return Interval(max(-1.0, better - worse - reach), min(1.0, better - worse + reach))


def compare_runs(
    baseline: ScoredRun,
    candidate: ScoredRun,
    *,
    by: PairBy = "auto",
    confidence_level: float = 0.95,
    strict: bool = False,
) -> RunComparison:
    """Compare two runs on the prompts that both have scores for, with an exact McNemar test.

    ``by`` says what makes two prompts the same: ``"auto"`` takes ``prompt_uuid`` within one eval and ``content`` across
    evals. ``strict`` turns inconclusive into fail. Raises ``StatisticsError``.
    """
    pairing = pair_responses(baseline, candidate, by=by)
    groups: dict[tuple[Standing, Standing], list[Pair]] = {}
    for pair in pairing.pairs:
        groups.setdefault((standing_of(pair.baseline), standing_of(pair.candidate)), []).append(pair)
    both_passed = groups.pop((Standing.PASSED, Standing.PASSED), [])
    regressions = groups.pop((Standing.PASSED, Standing.FAILED), [])
    improvements = groups.pop((Standing.FAILED, Standing.PASSED), [])
    both_failed = groups.pop((Standing.FAILED, Standing.FAILED), [])
    worse, better = len(regressions), len(improvements)
    num_pairs = len(both_passed) + worse + better + len(both_failed)
    return RunComparison(
        baseline=baseline,
        candidate=candidate,
        both_passed=both_passed,
        regressions=regressions,
        improvements=improvements,
        both_failed=both_failed,
        not_scored=[pair for pairs in groups.values() for pair in pairs],
        only_in_baseline=pairing.only_in_baseline,
        only_in_candidate=pairing.only_in_candidate,
        p_value=mcnemar_p_value(worse, better),
        difference=(better - worse) / num_pairs if num_pairs else None,
        interval=paired_difference_interval(worse, better, num_pairs, confidence_level=confidence_level),
        confidence_level=confidence_level,
        is_strict=strict,
    )
