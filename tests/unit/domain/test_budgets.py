from typing import Any

from council.domain import access, budgets, config, ledger, providers

AT_US = 1_795_910_400_000_000  # 2026-11-29, 00:00 UTC
DAY, MONTH = "2026-11-29", "2026-11"


def token(name: str, **more: Any) -> access.TokenBudget:
    return access.TokenBudget(name, f"{name}'s", **more)


def lines(
    *spend: ledger.Spend, budget: config.BudgetConfig | None = None, tokens: tuple[access.TokenBudget, ...] = ()
) -> dict[tuple[str, str], budgets.Line]:
    models = {"big": providers.Model("big", (), 16, 16, 0, frozenset(), (), 50, 0)}
    found = budgets.lines(spend, budget or config.BudgetConfig(), models, tokens, AT_US)
    return {(line.scope, line.period): line for line in found}


def test_what_is_left_is_the_limit_less_what_is_spent_and_held() -> None:
    found = lines(ledger.Spend("all", DAY, 700_000, 200_000))[("all", DAY)]
    assert (found.spent_usd_micros, found.held_usd_micros, found.left_usd_micros) == (500_000, 200_000, 300_000)


def test_what_is_overspent_leaves_nothing() -> None:
    assert lines(ledger.Spend("all", DAY, 1_500_000, 0))[("all", DAY)].left_usd_micros == 0


def test_without_a_limit_there_is_no_rest_and_without_spending_no_line() -> None:
    found = lines(ledger.Spend("model:old", MONTH, 5, 0))
    assert found[("model:old", MONTH)].left_usd_micros is None
    assert set(found) == {("all", DAY), ("all", MONTH), ("model:big", DAY), ("model:old", MONTH)}


def test_all_is_shown_even_without_any_limit() -> None:
    found = lines(budget=config.BudgetConfig(0, 0))
    assert found[("all", DAY)].limit_usd_micros is None


def test_a_token_has_its_own_limit_or_the_general_one() -> None:
    general = config.BudgetConfig(token_day_usd_micros=10)
    made = (token("own", day_usd_micros=3), token("other"))
    found = lines(budget=general, tokens=made)
    assert found[("token:own", DAY)].limit_usd_micros == 3
    assert found[("token:other", DAY)].limit_usd_micros == 10
    assert found[("token:anonymous", DAY)].limit_usd_micros == 10
    assert found[("token:own", DAY)].label == "own's"


def test_what_lies_ahead_is_as_much_again_as_is_left_of_the_period() -> None:
    line = budgets.Line("all", "", DAY, None, 600, 0, None)
    day_us = 86_400_000_000
    assert budgets.outlook(line, AT_US + day_us // 4) == budgets.Outlook(AT_US + day_us, 2_400)
    assert budgets.outlook(line, AT_US + day_us // 21).forecast_usd_micros is None
    month = budgets.Line("all", "", MONTH, None, 290, 0, None)
    # 28 of 30 days are over.
    assert budgets.outlook(month, AT_US) == budgets.Outlook(AT_US + 2 * day_us, 311)
    december = budgets.Line("all", "", "2026-12", None, 0, 0, None)
    assert budgets.outlook(december, AT_US + 32 * day_us).ends_us == AT_US + 33 * day_us
