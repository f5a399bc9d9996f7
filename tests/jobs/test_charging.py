"""Who pays what."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.jobs.charging import MOST_CLIPS, UNBELIEVABLE, Charge, charge_for_clip, charge_for_failure
from studio.providers.contract import Cause, Usage
from studio.routing.prices import Rate, dearest, price

QUOTA = Rate(1_000, 1, "test")
TICKS = Rate(1, 100_000, "test")


def test_a_clip_costs_the_reported_usage_at_the_rate_in_force():
    assert charge_for_clip(Usage("9", "quota"), QUOTA, estimate=12_000) == Charge(9_000)


def test_a_fraction_of_a_millicredit_is_rounded_half_up_once():
    assert charge_for_clip(Usage("150000", "cost_in_usd_ticks"), TICKS, estimate=10) == Charge(2)
    assert charge_for_clip(Usage("149999", "cost_in_usd_ticks"), TICKS, estimate=10) == Charge(1)


def test_a_provider_that_reports_nothing_costs_the_estimate_and_says_so():
    assert charge_for_clip(None, None, estimate=12_000) == Charge(12_000, is_estimate=True)


@pytest.mark.parametrize("figure", ["", "lots", "NaN", "-3", "inf", "1" + "0" * 30, "{}"])
def test_a_figure_that_is_none_is_put_before_an_admin_and_costs_the_estimate(figure: str):
    charge = charge_for_clip(Usage(figure, "quota"), QUOTA, estimate=12_000)
    assert (charge.millicredits, charge.is_estimate, bool(charge.alert)) == (12_000, True, True)


def test_a_figure_beyond_belief_does_not_empty_an_account():
    believable = charge_for_clip(Usage(str(12 * UNBELIEVABLE), "quota"), QUOTA, estimate=12_000)
    absurd = charge_for_clip(Usage(str(12 * UNBELIEVABLE + 1), "quota"), QUOTA, estimate=12_000)
    assert believable == Charge(12_000 * UNBELIEVABLE)
    assert (absurd.millicredits, bool(absurd.alert)) == (12_000, True)


def test_only_a_moderated_try_that_was_charged_costs_something_without_a_clip():
    usage = Usage("9", "quota")
    assert charge_for_failure(Cause.MODERATED, usage, QUOTA, estimate=12_000) == Charge(9_000)
    assert charge_for_failure(Cause.MODERATED, None, QUOTA, estimate=12_000) == Charge(0)
    assert charge_for_failure(Cause.PROVIDER_FAILED, usage, QUOTA, estimate=12_000) == Charge(0)
    assert charge_for_failure(None, usage, QUOTA, estimate=12_000) == Charge(0)


def test_an_input_that_was_refused_after_acceptance_costs_what_the_provider_says_it_charged():
    usage = Usage("9", "quota")
    assert charge_for_failure(Cause.INPUT_REFUSED, usage, QUOTA, estimate=12_000) == Charge(9_000)
    assert charge_for_failure(Cause.INPUT_REFUSED, None, QUOTA, estimate=12_000) == Charge(0)


def test_a_provider_that_bills_refusals_and_reports_nothing_costs_the_estimate_for_one_and_nothing_for_other_failures():
    def charged(cause: Cause, usage: Usage | None = None) -> Charge:
        return charge_for_failure(cause, usage, QUOTA, estimate=12_000, charges_refusals=True)

    assert charged(Cause.MODERATED) == Charge(12_000, is_estimate=True)
    assert charged(Cause.MODERATED, Usage("9", "quota")) == Charge(9_000)
    assert [charged(cause) for cause in (Cause.INPUT_REFUSED, Cause.PROVIDER_FAILED, Cause.NOT_PERMITTED)] == [Charge(0)] * 3


ODD = ["9", "9.0", "0.5", "1e3", "٩", "1_000", " 9 ", "+9", "-0", "0", "0x10", "null", "None", "true", "[]", "1,000", "9" * 400, str(10**18), "-inf"]


@pytest.mark.parametrize("figure", ODD)
def test_a_reported_figure_of_any_shape_is_its_value_exactly_or_the_estimate_with_an_alert(figure: str):
    charge = charge_for_clip(Usage(figure, "quota"), QUOTA, estimate=12_000)

    exact = {"9": 9_000, "9.0": 9_000, " 9 ": 9_000, "0.5": 500, "1e3": 1_000_000}
    if figure in exact:
        assert charge == Charge(exact[figure])
    else:
        assert (charge.millicredits, charge.is_estimate, bool(charge.alert)) == (12_000, True, True)


@pytest.mark.parametrize(("units", "millicredits"), [("49999", 0), ("50000", 1), ("149999", 1), ("150000", 2), ("150000.0000001", 2), ("0.0001", 0)])
def test_half_a_millicredit_is_the_edge_of_rounding(units: str, millicredits: int):
    assert price(units, TICKS) == millicredits


@given(st.text(), st.integers(0, 10**9), st.booleans())
def test_no_figure_crashes_or_charges_less_than_nothing(figure: str, estimate: int, is_priced: bool):
    assert charge_for_clip(Usage(figure, "quota"), QUOTA, estimate=estimate, is_priced=is_priced).millicredits >= 0
    assert charge_for_failure(Cause.MODERATED, Usage(figure, "quota"), QUOTA, estimate=estimate, is_priced=is_priced).millicredits >= 0


@given(st.integers(0, 10**18), st.integers(0, 10**9), st.booleans())
def test_a_figure_of_any_size_with_any_estimate_is_believed_within_bounds_or_put_before_an_admin(quota: int, estimate: int, is_priced: bool):
    charge = charge_for_clip(Usage(str(quota), "quota"), QUOTA, estimate=estimate, is_priced=is_priced)
    if charge.alert:
        assert (charge.millicredits, charge.is_estimate) == (estimate, True)
        return
    assert charge == Charge(quota * 1_000)
    assert charge.millicredits <= max(MOST_CLIPS * dearest(), estimate)
    assert charge.millicredits or (is_priced and estimate == 0)
    if is_priced and estimate:
        assert estimate <= UNBELIEVABLE * charge.millicredits <= UNBELIEVABLE**2 * estimate


def test_what_is_free_by_its_price_costs_nothing_whatever_is_reported():
    charge = charge_for_clip(Usage("5", "quota"), QUOTA, estimate=0)
    assert (charge.millicredits, "it is free" in charge.alert) == (0, True)
    assert charge_for_failure(Cause.MODERATED, Usage("5", "quota"), QUOTA, estimate=0).millicredits == 0


def test_where_no_price_is_known_no_figure_empties_an_account():
    assert charge_for_clip(Usage("1000", "quota"), QUOTA, estimate=50_000, is_priced=False) == Charge(1_000_000)
    absurd = charge_for_clip(Usage(str(10**9), "quota"), QUOTA, estimate=50_000, is_priced=False)
    assert (absurd.millicredits, absurd.is_estimate) == (50_000, True)
    assert "which no clip costs" in absurd.alert


def test_a_clip_that_is_reported_as_free_costs_the_estimate_unless_its_price_is_nothing():
    assert charge_for_clip(Usage("0", "quota"), QUOTA, estimate=0) == Charge(0)
    for is_priced in (True, False):
        charge = charge_for_clip(Usage("0", "quota"), QUOTA, estimate=12_000, is_priced=is_priced)
        assert (charge.millicredits, charge.is_estimate, "was free" in charge.alert) == (12_000, True, True)


def test_a_charged_refusal_is_believed_within_bounds_too_and_may_cost_little():
    assert charge_for_failure(Cause.MODERATED, Usage("0.001", "quota"), QUOTA, estimate=12_000) == Charge(1)
    assert charge_for_failure(Cause.MODERATED, Usage(str(10**9), "quota"), QUOTA, estimate=12_000).millicredits == 0
    assert charge_for_failure(Cause.MODERATED, Usage(str(10**9), "quota"), QUOTA, estimate=12_000).alert
